"""The outside world of letters: one SMTP session, and the way into a mail server."""
