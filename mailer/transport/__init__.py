"""The outside world of letters: one SMTP session, and the folder of sent mail."""
