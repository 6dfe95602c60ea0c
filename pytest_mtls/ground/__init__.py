"""The user's configuration, running, with everybody who may come to it: what is audited, and what is compared."""
