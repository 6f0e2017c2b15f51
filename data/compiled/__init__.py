"""Python that numba compiles: one way to ask for it, at the full width of the processor's vectors."""
