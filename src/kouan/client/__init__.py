"""What a party keeps and does on its own side of the ledger: keys, seals, and documents that never go there."""
