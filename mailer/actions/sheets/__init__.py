"""What a person does with contact sheets: check, mend, bring in from elsewhere, update, undo."""
