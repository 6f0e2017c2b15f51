"""What comes from outside, made fit to be shown."""
