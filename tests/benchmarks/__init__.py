"""How fast it is, and where the time goes. Measured, never asserted: machines differ."""
