"""What changed of a score since the last published list, by cause."""
