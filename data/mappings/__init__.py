"""Ready-made mappings: which SQL gives the contract's tables from the tables that a tool's loader writes."""
