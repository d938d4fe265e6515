"""Customs: what becomes of a declaration's quota from filing to closing, and the opening of seals."""
