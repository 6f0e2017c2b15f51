"""Simulated bases of other designs: other reasons to buy, not other numbers of the same ones."""
