"""The database beside the lists: outcomes and messages, which are only added to, and the views that people saved."""
