"""What the views of use tell, counted by one compiled pass where the rows are at hand."""
