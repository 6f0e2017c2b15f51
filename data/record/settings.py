"""What is recorded, and where: ``[record]`` of ``headroom.toml``."""

from pathlib import Path

from pydantic import BaseModel, ConfigDict, Field

from data.shown.paths import LocalPath

OTHER_PLACE = "Wait until the other run has ended, or give the history another folder under [record]."


class RecordSettings(BaseModel):
    """What ``headroom record`` reads each day, and the folder of the history that it writes."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    folder: LocalPath = Field(Path("history"), description="the history is kept there; read it with record://FOLDER")
    url: str | None = Field(None, description="the source that is recorded, if it is not that of [source]")
    largest_loss: float = Field(
        0.3, ge=0, le=1, description="a day on which a table lost more than this share of its rows is refused"
    )
    accept: tuple[str, ...] = Field(
        (), description="tables, and columns as table.column, that may lose rows and values: their loss is no fault"
    )
