"""What is asked of the tables at any time, without a run."""
