"""Signatures and seals over e-invoices: signed and verified, pure; key, trust and time are arguments.

Each kind is one module with `sign(data, signer, at)` and `verify(data, trust, at)`: `xmldsig`, `xades`,
`cades`, `pades`. What one format or authority demands of them is a named profile in `profiles`.
"""
