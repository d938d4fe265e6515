"""Asking a network's nodes: whom to ask, and what of the answers may be believed."""
