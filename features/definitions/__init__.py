"""The features, by business area."""
