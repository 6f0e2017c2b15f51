"""What was known about each account before each snapshot."""
