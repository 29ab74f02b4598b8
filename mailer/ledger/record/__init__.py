"""What makes the record trustworthy: seals, erasing people from it, and notes that can be taken
away.
"""
