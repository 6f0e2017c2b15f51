"""Personal data in what was published and sent: where it lies, and how one account is taken out."""
