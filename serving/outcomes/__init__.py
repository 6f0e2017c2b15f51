"""What CSMs did with the rows of a list: what may be said, where it leaves an account, and the table ``outcomes``."""
