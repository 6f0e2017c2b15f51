"""How fresh the sources are on the day: what is said of feeds that fell silent, and from when nothing is scored."""

from data.checks.report import many
from data.errors import NotEnoughHistoryError
from data.feeds.feeds import MUTED
from data.feeds.parts import SilentPart
from data.feeds.rhythm import Silence
from data.sources.known import KnownBase
from flows.run.progress import say
from flows.run.settings import OFF, Settings
from serving.reasons.fallback import capital
from serving.reasons.formats import say_day

ANOTHER_MONTH_DAYS = 31


def muted_feeds(base: KnownBase) -> tuple[Silence, ...]:
    """The silent feeds whose features are not known on the day of the base."""
    return tuple(silence for name, silence in sorted(base.silent.items()) if name in MUTED)


def sentences(base: KnownBase) -> list[str]:
    """What the list says of feeds without whose features it was made: one sentence each."""
    return [*map(_sentence, muted_feeds(base)), *map(_part_sentence, base.parts)]


def _sentence(silence: Silence) -> str:
    return (
        f"{silence.subject.capitalize() if silence.subject.islower() else silence.subject}: not known since "
        f"{say_day(silence.last_day)}, and not judged. {silence.table} has had no row for {silence.days} days, where "
        f"{_rhythm(silence)}. No reason and no gate rests on it."
    )


def _part_sentence(part: SilentPart) -> str:
    accounts = many(len(part.accounts), "account")
    return (
        f"{capital(part.subject)}: not known of {accounts} since {say_day(part.last_day)}, and not "
        f"judged. {part.name} has had next to nothing for {part.days} days, while the rest went on. No reason and no "
        "gate of theirs rests on use."
    )


def _rhythm(silence: Silence) -> str:
    gap = "day" if silence.usual_gap == 1 else f"{silence.usual_gap} days"
    return f"it used to have one at least every {gap}"


def require_fresh(base: KnownBase, settings: Settings) -> None:
    """Tell the feeds that have fallen silent before the day.

    Raises ``NotEnoughHistoryError`` where one has been silent for longer than the settings allow.
    """
    limit, silent = settings.source.most_silent_days, sorted(base.silent.items())
    too_long = [silence for _, silence in silent if limit is not None and silence.is_longer_than(limit)]
    if too_long:
        raise _refusal(base, too_long)
    for part in base.parts:
        say(f"warning: {_part_sentence(part)}")
    for name, silence in silent:
        say(
            f"warning: {_sentence(silence)}"
            if name in MUTED
            else f"warning: {name}: the last row is of {silence.last_day}, {silence.days} days before "
            f"{base.snapshot_date}; {_rhythm(silence)}"
        )


def _refusal(base: KnownBase, silent: list[Silence]) -> NotEnoughHistoryError:
    """What is told of feeds that have been silent for too long: the longest first."""
    silent = sorted(silent, key=lambda silence: -silence.days)
    told = [
        f"{silence.table} has had no row since {silence.last_day}: {silence.days} days, where {_rhythm(silence)}"
        for silence in silent
    ]
    tables = ", ".join(f'"{silence.table}"' for silence in silent)
    return NotEnoughHistoryError(
        f"Score the customers of {base.snapshot_date}.",
        f"{'; '.join(told)}. The silence of a feed is no news about the customers.",
        f"Mend the feed. To do without: [source] ignore = [{tables}]. To score all the same for another month: "
        f'[source] most_silent_days = {silent[0].days + ANOTHER_MONTH_DAYS}; for good: most_silent_days = "{OFF}".',
    )
