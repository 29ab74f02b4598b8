"""The words of the console in the reader's language."""
