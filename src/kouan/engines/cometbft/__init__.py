"""The network engine: the ledger as an application beside a CometBFT validator."""
