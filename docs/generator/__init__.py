"""Pages of the reference that are written from the source: what the code says once is not said twice by hand."""
