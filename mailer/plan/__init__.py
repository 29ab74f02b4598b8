"""People and letters become a plan: who gets what, frozen by hash."""
