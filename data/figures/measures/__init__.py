"""The figures themselves: each from what accounts moved and paid."""
