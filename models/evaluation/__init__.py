"""What is found out about a base before a model of it is believed."""
