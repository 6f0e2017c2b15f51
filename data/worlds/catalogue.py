"""Every world of a simulated base, by its name."""

from data.errors import HeadroomError
from data.simulation.drivers import DRIVEN, RANDOM, World
from data.worlds.daily_counts import DAILY_COUNTS
from data.worlds.enterprise import ENTERPRISE
from data.worlds.groups import GROUPS
from data.worlds.pressure import PRESSURE
from data.worlds.self_service import SELF_SERVICE
from data.worlds.turning import TURNING
from data.worlds.usage_priced import USAGE_PRICED

WORLDS = {
    world.name: world
    for world in (DRIVEN, PRESSURE, SELF_SERVICE, GROUPS, ENTERPRISE, USAGE_PRICED, DAILY_COUNTS, TURNING, RANDOM)
}
BUILT_ON = ("driven", "pressure", "self_service", "groups", "daily_counts")
HELD_BACK = ("enterprise", "usage_priced", "turning")
"""Which worlds may decide how the product is built; the others are for the last figures alone."""


def world_asked(name: str | None, *, is_random: bool = False) -> World:
    """The world of that name, or the random one. Raises HeadroomError where there is none, or both are asked for."""
    if name is None:
        return RANDOM if is_random else DRIVEN
    if is_random and name != RANDOM.name:
        raise HeadroomError(f"Simulate the world `{name}`.", "`--random` asks for another one.", "Give one of both.")
    if name not in WORLDS:
        known = "; ".join(f"{world.name}: {world.words}" for world in WORLDS.values())
        raise HeadroomError(f"Simulate the world `{name}`.", f"There is none; there are {known}", "Give one of them.")
    return WORLDS[name]
