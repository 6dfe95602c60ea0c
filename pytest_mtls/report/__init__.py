"""What was seen, for others to read."""
