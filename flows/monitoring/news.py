"""The alarms that stand, for those who are told of them by message."""

from flows.run.settings import Settings
from serving.messages.alarms import AlarmNews
from serving.messages.rows import Links
from serving.monitoring.standing import answers_in, unanswered
from serving.monitoring.store import read_monitoring


def alarm_news(settings: Settings, links: Links) -> AlarmNews | None:
    """Those of the last run of monitoring that nobody has answered; None where it never ran."""
    found = read_monitoring(settings.out_folder)
    if found is None:
        return None
    answers = answers_in(settings.out_folder)
    standing = unanswered(found.alarms, answers, found.day, settings.monitor.answer_days)
    return AlarmNews(found.day, standing, links)
