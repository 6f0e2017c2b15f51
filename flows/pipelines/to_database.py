"""The stages that publish a list to the database of the settings, where they name one."""

from datetime import date

from flows.run.progress import say
from flows.run.runner import RETRIES, stage
from flows.run.settings import Settings
from serving.database.address import DatabaseAddress
from serving.database.load import publish_to_database, require_reachable
from serving.publish import only_publisher
from serving.published.read import open_list


def require_database(settings: Settings) -> None:
    """Raise ``PublishError`` where a database is asked for that cannot be reached."""
    if settings.database is not None:
        _reach(settings.database)


def publish_tables(settings: Settings, day: date) -> None:
    """Publish the list of a day, which lies in files, to the database too; raises ``PublishError``."""
    if settings.database is not None:
        _publish(settings, settings.database, day)


@stage("reach the database", retries=RETRIES)
def _reach(address: DatabaseAddress) -> None:
    require_reachable(address)


@stage("publish to the database", retries=RETRIES)
def _publish(settings: Settings, address: DatabaseAddress, day: date) -> None:
    """Raises ``PublishError``: the files are published then, and the database has what it had."""
    with only_publisher(settings.out_folder, day):  # or it might be replaced, or written anew, while it is read
        is_new = publish_to_database(address, open_list(settings.out_folder, day))
    say(f"{'published to' if is_new else 'unchanged in'} the schema {address.schema} of {address.shown}")
