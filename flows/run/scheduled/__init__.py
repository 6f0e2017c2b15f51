"""A run of a deployment: what killed runs left, whether its work is done already, and who is told how it went."""
