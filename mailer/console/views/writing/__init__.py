"""Making an appeal in the browser: the letters, what they share, the files that go along."""
