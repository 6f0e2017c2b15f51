"""The alarms that stand, for those who are told of them by message."""

from data.errors import PublishError
from flows.run.progress import say
from flows.run.settings import Settings
from serving.messages.alarms import AlarmNews
from serving.messages.rows import Links
from serving.monitoring.standing import answers_in, unanswered
from serving.monitoring.store import read_monitoring


def alarm_news(settings: Settings, links: Links) -> AlarmNews | None:
    """Those of the last run of monitoring that nobody has answered; None where it never ran, or cannot be read.

    That is said: what else there is to tell is told all the same.
    """
    try:
        found, answers = read_monitoring(settings.out_folder), answers_in(settings.out_folder)
    except PublishError as error:
        say(f"warning: no alarm is told: {error.clause}; `headroom monitor` writes them again")
        return None
    if found is None:
        return None
    standing = unanswered(found.alarms, answers, found.day, settings.monitor.answer_days)
    return AlarmNews(found.day, standing, links)
