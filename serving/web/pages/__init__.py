"""One module a page: a function that asks, an object that holds the answer, and a template of its name."""
