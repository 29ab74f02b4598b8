"""What a person does with contact sheets: check, mend, bring in from elsewhere, update, undo."""

from mailer.contacts import limited_process


def get_ready() -> None:
    """Start the process that will read sheets, for a command that has to load itself first."""
    limited_process.get_ready("mailer.contacts.sheets.apart:get_ready")
