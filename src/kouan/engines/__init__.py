"""Engines: they order envelopes into blocks, have the kernel execute them, and keep blocks and state on disk."""
