"""Raw bytes → a message taken apart: its parts, its text, and whose the words in it are."""
