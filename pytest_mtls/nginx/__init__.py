"""From what was asked to the files nginx reads; and what an nginx build can do."""
