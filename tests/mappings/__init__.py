"""Bases written in the shape of a tool, mapped back, and compared with the truth."""
