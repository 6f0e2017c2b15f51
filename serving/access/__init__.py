"""Who may look at the pages, and at whose accounts: sign-in, roles, forms, and what every answer carries."""
