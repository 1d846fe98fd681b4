"""Published code lists of the network, as small tables with their version and source."""
