"""Who may do what in the console: sign-in, sessions, rights."""
