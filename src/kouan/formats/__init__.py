"""Document formats: bytes in, typed records out, and back. Nothing here knows of the ledger."""
