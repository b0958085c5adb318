"""Schema drift: what a source's payloads look like, and when that changed. Shapes leave, values never."""
