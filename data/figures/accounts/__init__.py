"""What accounts moved and paid, month by month and slice by slice: what the figures are made of."""
