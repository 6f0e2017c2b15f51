"""What an experiment tells: the difference between its arms, how sure it is, and what it could ever show."""
