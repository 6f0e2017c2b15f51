"""What a monitoring run looks at: matured lists, moving features, feeds."""
