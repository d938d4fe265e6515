"""Kouan: a ledger that a port's customs, banks and authorities run together."""
