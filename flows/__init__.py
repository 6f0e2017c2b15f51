"""When things happen: settings, the command line and the Prefect flows."""

from flows import environment

environment.prepare()
