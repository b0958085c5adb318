"""`fde bench grouping`: the groups of labelled errors of many customers, beside Drain3, HDBSCAN and the usual key."""
