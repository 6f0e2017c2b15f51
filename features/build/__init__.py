"""From tables to feature rows, shard by shard."""
