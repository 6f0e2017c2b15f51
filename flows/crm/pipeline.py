"""The pipeline ``writeback``: what a list says, written into the CRM's own companies."""

from datetime import date
from pathlib import Path
from typing import Any

from flows.crm.writeback import write_list
from flows.run.runner import RETRIES, pipeline, runner, stage
from flows.run.settings import Settings, load
from flows.stages.dates import as_date
from serving.crm.settings import CrmName
from serving.published.layout import published_day


@pipeline("writeback")
def writeback(
    config: Path | str | None = None,
    to: CrmName | None = None,
    snapshot_date: date | str | None = None,
    out: Path | str | None = None,
    apply: bool = False,
) -> dict[str, Any]:
    """Bring a CRM to show what the list of ``snapshot_date`` says (default: the latest).

    ``apply``: send it; without it what would change is said. Returns the day. Raises what ``write_list`` raises.
    """
    settings = load(config, None, out)
    day = published_day(settings.out_folder, as_date(snapshot_date), "Write back")
    runner().name_run(day)
    write(settings, to, day, apply)
    return {"snapshot_date": day}


@stage("write to the CRM", retries=RETRIES)
def write(settings: Settings, to: CrmName | None, day: date, apply: bool) -> None:
    """What the CRM took before it failed is not sent again."""
    write_list(settings, to, day, apply=apply)
