"""Why, in sentences with the account's own numbers."""
