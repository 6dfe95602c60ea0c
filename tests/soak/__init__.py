"""The same suite, again and again, until it fails: ``make soak``."""
