"""One configuration on several nginx, or several on one: which answers differ."""
