"""What is kept for the next run: shown, cleared, held against a run from nothing."""
