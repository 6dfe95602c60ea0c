"""The application under test: a WSGI or ASGI callable of this process, served where nginx reaches it."""
