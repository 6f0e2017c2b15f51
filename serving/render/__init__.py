"""The list as people read it: page, Excel file, terminal."""
