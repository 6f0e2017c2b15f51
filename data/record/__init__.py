"""History from today on: what a source shows each day, recorded as it changes, and served as tables with `known_at`."""
