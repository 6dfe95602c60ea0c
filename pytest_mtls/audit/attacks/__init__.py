"""One file for each family of attacks."""
