"""Making an appeal: its letters, what they share, the files that go along, who has signed."""
