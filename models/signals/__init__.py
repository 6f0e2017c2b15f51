"""Which signals went with past expansions, one by one, and what the tables that they come from are worth."""
