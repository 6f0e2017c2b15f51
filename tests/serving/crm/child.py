"""A run in a process of its own, which may be killed."""

import json
from pathlib import Path

from serving.crm.hubspot import HubSpotCrm
from serving.crm.journal import Journal
from serving.crm.plan import target_of
from serving.crm.run import write_back
from serving.crm.settings import HubSpotSettings, WritebackSettings
from tests.serving.crm.servers import ID_PROPERTY, TOKEN


def run(url: str, wanted: Path, journal_file: Path) -> None:
    """Write what is wanted of each account."""
    crm = HubSpotCrm(HubSpotSettings(url=url, calls_in_ten_seconds=100_000), TOKEN, ID_PROPERTY)
    target = target_of(crm, WritebackSettings().names("hubspot"), ID_PROPERTY)
    with Journal(journal_file) as journal:
        write_back(crm, json.loads(wanted.read_text()).items(), target, journal, send=True)
