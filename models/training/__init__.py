"""The model of today, and whether it is to be served."""
