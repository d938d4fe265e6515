"""The evaluator 比对方: says which exact fingerprints a document carries, and what it is like. A service of its own."""
