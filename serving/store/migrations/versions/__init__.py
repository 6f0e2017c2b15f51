"""One module for each change, oldest first by its revision; none is ever edited."""
