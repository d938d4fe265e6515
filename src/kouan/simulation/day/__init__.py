"""A port's day from a seed: message files and a script of events, and how that is played under the auditor's eyes."""
