"""Where personal data lies, and how rows of one account or one user are taken out of it."""
