"""Is the company ready for an expansion motion: build, wait, or not enough data, with the figures behind it."""
