"""What came of published lists, and how the world moves under a model: arithmetic on frames."""
