"""How messages reach people: the form of each channel, whom they go to, and what was sent before."""
