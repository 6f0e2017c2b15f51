"""From feature rows to scores and attributions."""
