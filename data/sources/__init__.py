"""Where the tables come from: files, DuckDB, PostgreSQL, Spark, and what of them was known when."""
