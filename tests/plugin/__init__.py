"""The plugin as a user's suite sees it: each test here runs a suite of its own, in a folder of its own."""
