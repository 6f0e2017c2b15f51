"""The write-back to a CRM: the table of what it shows, the clients, what would change, the journal of a run."""
