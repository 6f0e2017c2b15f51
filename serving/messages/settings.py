"""Who is told what is new, and how often: ``[notify]`` of ``headroom.toml``."""

from typing import Annotated

from pydantic import AfterValidator, BaseModel, ConfigDict, Field

from serving.access import names

SLACK_URL, EMAIL_URL, OPERATIONS_URL = "HEADROOM_NOTIFY_SLACK", "HEADROOM_NOTIFY_EMAIL", "HEADROOM_NOTIFY_OPERATIONS"
"""The variables of the environment that hold the channels; whoever has one can write there, so no file may."""


def _email(text: str) -> str:
    email = names.as_email(text)
    if email is None:
        raise ValueError("it is no e-mail in plain ASCII")
    return email


class RecipientSettings(BaseModel):
    """Where one owner is reached: a line of ``[notify.to]``."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    email: Annotated[str, AfterValidator(_email)] | None = Field(None, description="the owner's e-mail")
    slack: str | None = Field(
        None, pattern=r"^[UW][A-Z0-9]{4,30}$", description="the owner's member id in Slack, which is named in a message"
    )


class NotifySettings(BaseModel):
    """What owners are told of a list, and at most how often."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    pages_url: Annotated[str, AfterValidator(names.origin)] | None = Field(
        None, description="where `headroom serve` is reached: names are links to it (missing: `public_url` of [serve])"
    )
    rows: int = Field(5, ge=1, le=200, description="accounts under each heading of a digest; more are counted")
    digest_days: int = Field(
        7, ge=1, le=366, description="days from the list of one digest to that of the next, at least"
    )
    cool_down_days: int = Field(
        30, ge=1, le=366, description="days in which the same trigger of the same account is told once"
    )
    operations: tuple[Annotated[str, AfterValidator(_email)], ...] = Field(
        (),
        description="e-mails that are told, through HEADROOM_NOTIFY_EMAIL, of deployed runs that came to no good end",
    )
    late_minutes: int = Field(60, ge=1, description="a deployed run that begins so much after it was due is late")
    to: dict[str, RecipientSettings] = Field(
        default_factory=dict, description='`"Ada Lovelace" = { email = "ada@example.com", slack = "U012AB3CD" }`'
    )
