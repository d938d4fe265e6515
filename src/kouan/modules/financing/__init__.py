"""Finance against export receivables 出口应收账款融资: which bank has lent how much against which declaration."""
