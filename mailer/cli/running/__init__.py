"""The commands that run and look after the mailer."""
