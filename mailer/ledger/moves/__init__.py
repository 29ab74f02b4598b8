"""Everything that changes the state of a delivery or of a mail-out."""
