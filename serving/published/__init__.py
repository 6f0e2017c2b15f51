"""The published tables of one snapshot: made, checked, written, read."""
