"""What every run has: settings, environment, progress."""
