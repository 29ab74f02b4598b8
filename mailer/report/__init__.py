"""What became of a mail-out, in words and in files."""
