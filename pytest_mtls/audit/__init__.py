"""Attacks on a user's own configuration, and what they found: only what was demonstrated."""
