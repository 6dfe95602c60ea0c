"""A real browser, with a certificate and without."""
