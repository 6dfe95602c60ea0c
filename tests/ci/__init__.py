"""The recipes for CI: valid where their schemas say what that is, and run line by line as they stand."""
