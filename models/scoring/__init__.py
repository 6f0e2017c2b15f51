"""From feature rows to scores, attributions and what changed in them."""
