"""What the flows are made of: plain functions from one layer's tables to the next."""
