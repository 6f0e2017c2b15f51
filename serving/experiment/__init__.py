"""The experiment that tells what the list earns: who is held out of it."""
