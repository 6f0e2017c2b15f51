"""What comes in and what goes out, as code: tables, columns, words."""
