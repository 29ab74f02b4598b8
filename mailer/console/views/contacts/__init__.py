"""The contact sheets: how they are, their rows, a new one dropped, the hold list."""
