"""One module for each kind of source: what opens it, and what its engine does otherwise."""
