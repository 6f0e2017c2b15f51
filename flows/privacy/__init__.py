"""Where personal data lies, how an account or a user is forgotten, and how long things are kept."""
