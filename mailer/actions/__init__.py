"""What a user does, one function each, without a word for a screen."""
