"""A member's machine: directory, keys and settings, and the processes that run there."""
