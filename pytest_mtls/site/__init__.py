"""What a user's own configuration serves: its servers and locations, with what each inherits, and how to reach them."""
