"""A plan in the send log goes to the server, and every answer comes back onto the record."""
