"""A row becomes a contact, with everything that is wrong in it."""
