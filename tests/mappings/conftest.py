"""The fixtures of other rooms: the command line, a small base, a PostgreSQL of our own."""

from tests.engines.conftest import postgres  # noqa: F401  (fixtures)
from tests.flows.conftest import headroom, warehouse  # noqa: F401
