"""Clients beyond this process: curl, openssl, Go, Node, Java and Python's, each asked the same question."""
