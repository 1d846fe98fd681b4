"""Webhooks: other programs are told what happens to invoices, signed, in order, until they take it."""
