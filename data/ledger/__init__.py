"""Every change of MRR, once, by class."""
