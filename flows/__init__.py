"""When things happen: settings, the command line and the Prefect flows."""
