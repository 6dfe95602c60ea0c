"""Speed against the bare limit and against peers: ``python -m benchmarks`` prints one table."""
