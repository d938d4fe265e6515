"""The kernel: one pure function from a state and a block to a difference, a root and receipts.

Nothing here knows a clock, randomness, a network, a disk or a float. What the kernel does not do: it does not store
(the engines do), it does not know declarations or loans (the modules do), and it does not speak to people.
"""
