"""The gateway's side of its own Peppol access point: what comes in, what is answered, what is reported."""
