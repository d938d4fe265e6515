"""The alliance: who is a member, with which keys and roles, and how the members change that and the charter."""
