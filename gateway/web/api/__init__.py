"""The REST API, version 1: what the gateway knows, as JSON, for programs with a token and people with a
session."""
