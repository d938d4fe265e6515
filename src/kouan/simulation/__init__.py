"""A day of the port, played from one seed: the same seed gives the same ledger on every machine."""
