"""What is known of the members: where they stand, how they voted, and what the letters brought."""
