"""Alarms: what is not as it should be, told to people once, and again until somebody takes it or it is
over."""
