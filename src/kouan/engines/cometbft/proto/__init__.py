"""CometBFT's messages, generated from its .proto files by `generate.py`; nobody edits them."""
