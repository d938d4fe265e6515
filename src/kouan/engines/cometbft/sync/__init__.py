"""Beginning without all blocks: snapshots, what vouches for them, and what a node keeps for others."""
