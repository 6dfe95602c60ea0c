"""A real browser with a client certificate: a throw-away profile, the distribution's Chromium, and what it shows."""
