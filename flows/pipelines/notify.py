"""The pipeline ``notify``: each owner is told what is new on the list, by the channels that the environment names."""

import os
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, replace
from datetime import date, timedelta
from pathlib import Path
from typing import Any

from data.checks.report import many
from data.contract.outputs import TRIGGERS
from data.contract.vocabulary import folded
from data.errors import NotifyError, PublishError, SettingsError, some
from flows.monitoring.news import alarm_news
from flows.run.progress import say
from flows.run.runner import pipeline, runner, stage
from flows.run.settings import Settings, load
from flows.stages.dates import as_date, today_utc
from serving.messages.alarms import AlarmNews
from serving.messages.alerts import Alerts, alerts
from serving.messages.delivery.channels import Channel, opened
from serving.messages.delivery.operations import OperationsChannel
from serving.messages.delivery.recipients import Recipients
from serving.messages.delivery.sending import Compared, Memory, Sending
from serving.messages.delivery.words import as_text
from serving.messages.digest import Digests
from serving.messages.message import Message
from serving.messages.overdue import overdue
from serving.messages.rows import Links
from serving.messages.settings import EMAIL_URL, OPERATIONS_URL, SLACK_URL
from serving.published.layout import published_dates
from serving.published.read import PublishedList, open_list
from serving.render.entries import require_owner
from serving.store.message_log import DIGEST, MessageLog, Step, is_told
from serving.store.outcomes import OutcomeStore, is_there, open_store
from serving.web.ready import require_shown

NOWHERE = "no channel"
"""What stands for the channel of a dry run where none is set."""


@dataclass(frozen=True)
class News:
    """What could be told of the list of a day, whether or not it was told before.

    ``compared``: that list and those before it, the latest first, each with the one that it is compared with; what
    began since is told in alerts. ``alarms``: of monitoring, None where there are none. ``owner``: it concerns that one
    alone.
    """

    day: date
    digests: list[Message]
    compared: list[Compared]
    links: Links
    alarms: AlarmNews | None = None
    owner: str | None = None

    def concerns(self, owner: str) -> bool:
        return self.owner is None or folded(owner) == folded(self.owner)

    def alerts(self, memory: Memory, since: date) -> Alerts:
        """The alerts that may be told over a channel. ``since``: from then on it is known what was told."""
        made = alerts(self.compared[0][0], memory.told_up_to(self.compared, since), self.links)
        return replace(made, told=tuple(row for row in made.told if self.concerns(row[0])))


@pipeline("notify")
def notify(
    config: Path | str | None = None,
    snapshot_date: date | str | None = None,
    out: Path | str | None = None,
    owner: str | None = None,
    dry_run: bool = False,
    resend: bool = False,
) -> dict[str, Any]:
    """Tell owners what is new on the list of ``snapshot_date`` (default: the latest), and of alarms that stand.

    ``owner``: that one alone. ``dry_run``: nothing is sent and nothing noted. ``resend``: also what may have arrived.
    Returns the day and lines: what was sent, or the messages of a dry run. Raises
    NotifyError, once every channel was tried, where a message was refused or may not have arrived.
    """
    settings = load(config, None, out)
    listing = open_list(settings.out_folder, as_date(snapshot_date), "Tell the owners of").shown()
    require_shown(listing)
    runner().name_run(listing.snapshot_date)
    with ExitStack() as stack:
        channels = stack.enter_context(_channels(settings))
        if not channels and not dry_run:
            raise SettingsError(
                f"Tell the owners of the list of {listing.snapshot_date}.",
                "no channel is set.",
                f"Set {SLACK_URL} or {EMAIL_URL}, for alarms alone {OPERATIONS_URL}, or look at the messages with "
                "--dry-run.",
            )
        if owner is not None:
            require_owner(listing, owner, f"Tell {owner} what is new.")
        has_store = not dry_run or is_there(settings.outcomes_url, settings.root)
        store = stack.enter_context(open_store(settings.outcomes_url, settings.root)) if has_store else None
        news = for_owner(what_is_new(listing, settings, store), owner)
        if dry_run:
            lines = list(_shown(news, channels or [None], settings, store, resend=resend))
        else:
            assert store is not None, "it is opened where something is sent"
            sent = [send_all(news, channel, settings, store.messages, resend) for channel in channels]
            lines = _told(news.day, sent)
    return {"snapshot_date": listing.snapshot_date, "lines": lines}


@stage("what is new")
def what_is_new(listing: PublishedList, settings: Settings, store: OutcomeStore | None) -> News:
    """The messages that a list gives rise to. ``store``: None where nothing was ever recorded."""
    day, today = listing.snapshot_date, today_utc()
    earlier = _earlier(listing, settings)
    states = store.state_of(None, today) if store else {}
    due = overdue(listing, states, today)
    lists = [listing, *earlier]
    compared = [(of, _compared_with(lists[place:], of.snapshot_date, settings)) for place, of in enumerate(lists, 1)]
    links = Links(settings.notify.pages_url or settings.serve.public_url)
    stale_days, rows = settings.serve.stale_days, settings.notify.rows
    before = _not_told_since(earlier, compared[0][1], day, store)
    made = Digests(listing, before, due, states.keys(), today, stale_days, rows, links)
    if made.is_stale:
        say(f"warning: the list of {day} is {made.age_days} days old; no newer one has been published")
    return News(day, made.messages(), compared, links, alarm_news(settings, links))


def _earlier(listing: PublishedList, settings: Settings) -> list[PublishedList]:
    """The lists before one, the latest first, as far back as a message may look, or to one that cannot be read.

    Who is held out now is on none of them: that such an account left the list is told to nobody.
    """
    day = listing.snapshot_date
    reach = timedelta(days=settings.notify.digest_days + settings.notify.cool_down_days)
    lists = list[PublishedList]()
    for earlier in reversed([earlier for earlier in published_dates(settings.out_folder) if earlier < day]):
        if lists and lists[-1].snapshot_date <= day - reach:
            break
        try:
            older = open_list(settings.out_folder, earlier).shown(listing.hidden)
            older.require("scores", *([TRIGGERS.name] if older.has(TRIGGERS.name) else []))
        except PublishError as error:
            say(f"warning: the list of {earlier} cannot be read: {error.clause}; nor is any before it looked at")
            break
        lists.append(older)
    return lists


def _compared_with(earlier: list[PublishedList], day: date, settings: Settings) -> PublishedList | None:
    """The latest list that is as much earlier as two digests are apart, or else the first list that there is."""
    far = (older for older in earlier if (day - older.snapshot_date).days >= settings.notify.digest_days)
    return next(far, earlier[-1] if earlier else None)


def _not_told_since(
    earlier: list[PublishedList], before: PublishedList | None, day: date, store: OutcomeStore | None
) -> PublishedList | None:
    """What the digest of a list is compared with: the list of the last digest that was told, if that is older.

    Lists may lie a day nearer than digests: of one between them no digest is told, and what it brought is told with
    the next.
    """
    if before is None or store is None:
        return before
    noted = store.messages.last(today_utc(), earlier[-1].snapshot_date).values()
    digests = [of.item.snapshot_date for of in noted if of.item.kind == DIGEST and is_told(of, again=False)]
    told = max((told for told in digests if told < day), default=before.snapshot_date)
    return next((older for older in earlier if older.snapshot_date <= min(told, before.snapshot_date)), earlier[-1])


def for_owner(news: News, owner: str | None) -> News:
    """What concerns one owner of accounts; all of it where none is asked for."""
    if owner is None:
        return news
    asked = replace(news, owner=owner, alarms=None)
    return replace(asked, digests=[message for message in news.digests if asked.concerns(message.owner)])


@stage("send")
def send_all(news: News, channel: Channel, settings: Settings, log: MessageLog, resend: bool) -> Sending:
    """Send over one channel what is due and was not told. A message that is refused stops no other.

    ``resend``: what may have arrived is noted as what did not, also of an earlier list, of which no digest is sent.
    """
    memory, since = _memory(news, channel.name, settings, log, resend=resend)
    settled = [item for item in memory.unclear if resend and news.concerns(item.owner)]
    log.end(settled, Step.FAILED)
    unclear = len(memory.unclear) - len(settled)
    sending = Sending(channel, _recipients(settings), log, since, resend, unclear, memory.told_of_list())
    for message in _due(news, channel, memory, since, settings):
        sending.send(message)
    for line in sending.lines():
        say(line)
    return sending


def _memory(
    news: News, channel: str, settings: Settings, log: MessageLog | None, *, resend: bool
) -> tuple[Memory, date]:
    """What was told over a channel, and since when a trigger counts as told."""
    asked = settings.notify
    since = today_utc() - timedelta(days=max(asked.cool_down_days, asked.digest_days))
    asked_for = news.day - timedelta(days=asked.digest_days)
    known = {} if log is None else log.last(since, min(asked_for, news.alarms.day) if news.alarms else asked_for)
    return Memory(channel, news.day, known, resend), since


def _due(news: News, channel: Channel | None, memory: Memory, since: date, settings: Settings) -> Iterator[Message]:
    """What is to be told over a channel: to operations the alarms, to the others the news of the list, and alarms to
    those of their owners whom ``[notify.to]`` names for it: whoever reads the digests of others is not told of them.
    """
    to_operations = isinstance(channel, OperationsChannel)
    if not to_operations:
        yield from memory.due(news.digests, news.alerts(memory, since), settings.notify.digest_days)
    if news.alarms is not None:
        for message in news.alarms.messages(memory.told_alarms(news.alarms.day)):
            if to_operations or channel is None or _recipients(settings).is_named(message.owner, channel.name):
                yield message


@contextmanager
def _channels(settings: Settings) -> Iterator[list[Channel]]:
    """Every channel that is set: those to owners, then that to operations."""
    operations = OperationsChannel(os.environ, settings.notify.operations)
    with opened(os.environ) as channels:
        yield [*channels, operations] if operations.is_set else channels


def _recipients(settings: Settings) -> Recipients:
    return Recipients(settings.notify.to, settings.serve.people)


def _shown(
    news: News, channels: list[Channel] | list[None], settings: Settings, store: OutcomeStore | None, *, resend: bool
) -> Iterator[str]:
    """Every message that would be sent, with its channels."""
    log, by_message = store.messages if store else None, dict[Message, list[str]]()
    for channel in channels:
        name = channel.name if channel else NOWHERE
        memory, since = _memory(news, name, settings, log, resend=resend)
        for message in _due(news, channel, memory, since, settings):
            is_reached = channel is None or channel.deliveries(message, _recipients(settings).of(message.owner))
            by_message.setdefault(message, []).append(name if is_reached else f"{name}: no address is known")
    for message, names in by_message.items():
        yield from (f"=== {message.title} ({', '.join(names)})", message.subject, "", *as_text(message), "")
    yield f"{many(len(by_message), 'message')} would be sent" if by_message else NOTHING


NOTHING = "nothing is to be told: nothing is new, or it was told before"


def _told(day: date, sent: list[Sending]) -> list[str]:
    """What was sent, in lines. Raises NotifyError where something was not."""
    faults = [fault for sending in sent for fault in sending.faults()]
    if faults:
        raise NotifyError(
            f"Tell the owners of the list of {day}.",
            f"{'; '.join(faults)}.",
            "Run `headroom notify` again: it sends what was refused, and with --resend also what may have arrived.",
        )
    count = sum(sending.sent for sending in sent)
    unreached = sorted({owner for sending in sent for owner in sending.unreached})
    if unreached and not count and not any(sending.told_before for sending in sent):
        raise NotifyError(
            f"Tell the owners of the list of {day}.",
            f"no message was sent: no address is known of {some(unreached)}.",
            "Name their e-mail under [notify.to] or [serve.people].",
        )
    return [f"{many(count, 'message')} sent of the list of {day}" if count else NOTHING]
