"""What CometBFT asks of the ledger and what it is told: blocks, envelopes, queries, snapshots; and how the node is."""
