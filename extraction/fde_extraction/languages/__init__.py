"""The languages the abstraction engine reads, one file each."""
