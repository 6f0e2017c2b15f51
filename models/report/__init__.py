"""Pages and plots about a model."""
