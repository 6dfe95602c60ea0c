"""The programs that ask: one for each language."""
