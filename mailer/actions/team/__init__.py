"""The people who use the mailer together: accounts, invitations, passwords, second factors."""
