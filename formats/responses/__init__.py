"""Answers to invoices in the Peppol network: Invoice Response, Message Level Status, and the older Message
Level Response. All are UBL application responses."""
