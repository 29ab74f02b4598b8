"""Questions to the send log; nothing here writes."""
