"""What a cell shows, and what hangs on it: number formats, comments, what is struck through."""
