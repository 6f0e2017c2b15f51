"""When things happen: settings, the command line and the Prefect flows."""

from flows.run import environment

environment.prepare()
