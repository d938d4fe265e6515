"""Measurements: `make bench` prints a table and writes JSON; the kept figures stand in README.md."""
