"""A workspace as a whole: made anew, shown on made-up people, and who may sign in to it."""
