"""What is fitted: boosters, calibration, amounts, and the bundle that holds them all."""
