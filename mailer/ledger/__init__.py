"""The send log: the only place that writes what became of each letter."""
