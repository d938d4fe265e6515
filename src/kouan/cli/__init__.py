"""The command line: parses what was typed, calls the client, and shows its answer."""
