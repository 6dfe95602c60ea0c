"""The same work by hand, with nothing of pytest-mtls: what the rows are measured against."""
