"""The scenes of the demonstration. Each plays on the ledger and returns what it shows; `..pages` draws that."""
