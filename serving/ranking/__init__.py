"""Who may be ranked, with which play, and in which order."""
