"""What came of the accounts of an experiment, and of the same accounts before it, in windows of a horizon each."""
