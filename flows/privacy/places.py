"""Every place that personal data may lie in, for the settings of a run."""

from data.erasure.places import Place
from data.record.erasure import HistoryPlace
from flows.privacy.prefect_runs import PrefectPlace
from flows.run.settings import Settings
from models.registry.erasure import ModelsPlace
from models.registry.mlflow_store import ModelRegistry
from serving.privacy.files import ChecksPlace, FiguresPlace, ScratchPlace, TablesPlace
from serving.privacy.lists import ListsPlace
from serving.store.erasure import StorePlace


def places(settings: Settings) -> list[Place]:
    """All of them. The lists are the last: what an account is called is read from them, also by who runs again."""
    return [
        StorePlace(settings.outcomes_url, settings.root),
        TablesPlace("write-back", settings.writeback_folder),
        TablesPlace("monitoring", settings.monitoring_folder),
        HistoryPlace(settings.history_folder),
        ModelsPlace(ModelRegistry(settings.mlruns_folder, settings.model)),
        ChecksPlace(settings.check_folder),
        FiguresPlace(settings.figures_folder),
        ScratchPlace(),
        PrefectPlace(settings.prefect_folder / "prefect.db"),
        ListsPlace(settings.out_folder),
    ]
