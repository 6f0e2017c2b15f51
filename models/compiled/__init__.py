"""Loops over lists and resamples that numba compiles."""
