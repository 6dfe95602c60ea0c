"""Certificates, without nginx: what is minted, how it is spelled, what is refused."""
