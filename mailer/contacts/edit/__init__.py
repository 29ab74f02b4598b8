"""What changes a contact sheet: repairs, marked copies, lists from elsewhere."""
