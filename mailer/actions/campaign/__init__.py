"""After the first letter: where members stand, how they voted, and what it brought."""
