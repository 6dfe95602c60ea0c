"""A server as a folder that stands alone: for a bug report, and for machines that have never heard of this project."""
