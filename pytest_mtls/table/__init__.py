"""The truth table: what an nginx does with each credential in each mode and situation, beside what was expected."""
