"""``headroom outcomes``: what became of the plays, from a sheet into the store, and from the store to people."""
