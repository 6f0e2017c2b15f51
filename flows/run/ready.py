"""Is there what a run asks for? Looked at before anything heavy is imported, so that a slip is told at once."""

from data.errors import ModelError
from flows.run.settings import Settings
from models.registry.glance import CHAMPION, RULE, surely_lacks


def require_model(settings: Settings) -> None:
    """Raise ``ModelError`` if there is certainly no model to serve."""
    stands_in = [RULE] if settings.training.without_model == "rule" else []
    if surely_lacks(settings.mlruns_folder, settings.model, [CHAMPION, *stands_in]):
        raise ModelError(
            f"Score with the champion of {settings.model}.",
            f"no version of {settings.model} in {settings.mlruns_folder} is the champion.",
            "Run `headroom train` first, or let a version serve with `headroom promote VERSION`.",
        )
