"""Mistakes that people make, each planted in a sound configuration."""
