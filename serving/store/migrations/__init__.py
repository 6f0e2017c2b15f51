"""The tables of the store, and every change of them."""
