"""How things look on the screen of a terminal."""
