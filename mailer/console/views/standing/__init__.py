"""How delegations and their members stand: reached by letters, and towards an appeal."""
