"""The same functions in a browser."""
