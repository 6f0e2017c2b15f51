"""``headroom writeback``: a list into the CRM of the team, and back out of it."""
