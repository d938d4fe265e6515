"""The modules: who may open, draw, confirm and release which kind of quota, and who decides about that.

Every module has the same rooms: ``README.md`` (its rules in words), ``commands`` (what members send), ``records`` (what
stands on the ledger), ``rules`` (pure checks and the charter's parameters) and ``queries`` (read-only derivations).
Modules are pure, like the kernel, and do not import each other.
"""
