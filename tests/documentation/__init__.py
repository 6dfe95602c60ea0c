"""The documentation: every block runs, every link leads somewhere, every table is what the code says."""
