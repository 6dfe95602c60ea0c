"""A configuration of the user's own: read, changed where it must be to run here, and said which listeners it has."""
