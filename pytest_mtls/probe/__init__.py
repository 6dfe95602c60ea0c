"""The client side: a TLS connection that remembers everything it saw, HTTP on top of it, and what records on the far
side."""
