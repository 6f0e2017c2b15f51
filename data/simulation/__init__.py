"""A simulated customer base in the contract's tables, with the truth beside it."""
