"""Every place that personal data may lie in, for the settings of a run."""

from data.erasure.places import Place
from data.record.erasure import HistoryPlace
from features.build.erasure import KeptRowsPlace
from flows.privacy.prefect_runs import PrefectPlace
from flows.run.progress import say
from flows.run.settings import Settings
from models.registry.erasure import ModelsPlace
from models.registry.mlflow_store import ModelRegistry
from serving.privacy.files import ChecksPlace, FiguresPlace, MonitoringPlace, ScratchPlace, TablesPlace
from serving.privacy.in_database import DatabasePlace
from serving.privacy.lists import ListsPlace
from serving.store.erasure import StorePlace


def places(settings: Settings) -> list[Place]:
    """All of them. What is found by a name stands before the lists, where the names are, also for who runs again.

    The database stands after them, since it gets the lists as they then are.
    """
    database = settings.database
    return [
        StorePlace(settings.outcomes_url, settings.root),
        TablesPlace("write-back", settings.writeback_folder),
        MonitoringPlace(settings.out_folder),
        HistoryPlace(settings.history_folder),
        ModelsPlace(ModelRegistry(settings.mlruns_folder, settings.model)),
        ChecksPlace(settings.check_folder),
        FiguresPlace(settings.figures_folder),
        KeptRowsPlace(settings.value_store(say)),
        ScratchPlace(),
        PrefectPlace(settings.prefect_folder / "prefect.db"),
        ListsPlace(settings.out_folder),
        *([] if database is None else [DatabasePlace(database, settings.out_folder)]),
    ]
