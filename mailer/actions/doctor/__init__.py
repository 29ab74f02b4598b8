"""Looks at everything that a mail-out rests on."""
