"""What `kubectl fde` tells: how a deployment stands, what would be changed, what was, and why it is where it is."""
