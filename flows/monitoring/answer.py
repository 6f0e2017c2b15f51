"""``headroom monitor --answer``: what somebody found out about an alarm."""

from flows.run.settings import Settings
from flows.stages.dates import today_utc
from serving.monitoring.standing import give_answer
from serving.monitoring.store import read_monitoring


def answer(settings: Settings, asked: str, note: str, who: str) -> list[str]:
    """Note it; lines of what was noted. Raises PublishError where no such alarm stands."""
    found = read_monitoring(settings.out_folder)
    standing, run = (found.alarms, found.day) if found else ((), None)
    keys = give_answer(settings.out_folder, standing, asked, note.strip(), who, today_utc(), run)
    return [f"answered: {key}" for key in keys]
