"""What was made once and need not be made again while nothing that it rests on has changed."""
