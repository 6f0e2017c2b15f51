"""The published tables in a PostgreSQL database, beside the files."""
