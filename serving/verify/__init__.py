"""A published list, read again by a stranger."""
