"""What owners are told without asking: a digest of each list, and alerts; by Slack and by e-mail."""
