"""The reports that a service provider sends about each month: Transaction Statistics (TSR) and End User
Statistics (EUSR)."""
