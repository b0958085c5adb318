"""The embedded composition: the whole loop in one directory, on Python alone."""
