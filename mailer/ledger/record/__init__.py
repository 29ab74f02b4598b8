"""What makes the record trustworthy: seals, and erasing people from it."""
