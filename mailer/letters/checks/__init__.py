"""What is doubtful in letters."""
