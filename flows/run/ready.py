"""Is there what a run asks for? Looked at before anything heavy is imported, so that a slip is told at once."""

from data.errors import ModelError
from flows.run.settings import Settings
from models.registry.glance import CHAMPION, RULE, surely_lacks


def require_model(settings: Settings) -> None:
    """Raise ``ModelError`` if there is certainly no model to serve."""
    stands_in = [RULE] if settings.training.without_model == "rule" else []
    if surely_lacks(settings.mlruns_folder, settings.model, [CHAMPION, *stands_in]):
        asked = f"Score with the champion of {settings.model}."
        none = f"no version of {settings.model} in {settings.mlruns_folder} is the champion"
        if stands_in:
            todo = "Run `headroom train` again: with these settings it stores a rule where no model is usable."
            raise ModelError(asked, f"{none}, and none is a rule that stands in for it.", todo)
        todo = "Run `headroom train` first, or let a version serve with `headroom promote VERSION`."
        raise ModelError(asked, f"{none}.", todo)
