"""The gateway: pipeline, store, scheduler and command line around formats, mappings and connectors."""

__version__ = "0.1.0"
