"""How often each table is filled, and which had fallen silent."""
