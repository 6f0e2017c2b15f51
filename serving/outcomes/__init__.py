"""What CSMs did with the rows of a list: kept row by row in a store of its own, and read as the table ``outcomes``."""
