"""The pages a CSM works from, over the published lists."""
