"""Where a list is written back to: ``[writeback]`` of ``headroom.toml``. What signs in comes from the environment."""

from collections.abc import Mapping
from typing import Annotated, Literal
from urllib.parse import urlsplit

from pydantic import AfterValidator, BaseModel, ConfigDict, Field

from serving.access.names import require_encryption

HUBSPOT_TOKEN = "HEADROOM_HUBSPOT_TOKEN"  # noqa: S105
SALESFORCE_ID, SALESFORCE_SECRET = "HEADROOM_SALESFORCE_CLIENT_ID", "HEADROOM_SALESFORCE_CLIENT_SECRET"
SECRETS = (HUBSPOT_TOKEN, SALESFORCE_ID, SALESFORCE_SECRET)
"""The variables of the environment that hold what no file may."""
CrmName = Literal["hubspot", "salesforce"]
SHOWN = ("likelihood", "band", "motion", "play", "reasons", "act_by", "expected_arr", "rank")
"""What a CRM shows of an account: if one of these changes, the account has changed."""
GO_ALONG = ("snapshot_date", "model_version", "run_id", "values_hash")
"""Columns that may be sent with a change, and alone are none."""
USUAL_NAMES = {**{name: f"headroom_{name}" for name in SHOWN}, "snapshot_date": "headroom_as_of"}
"""What the columns that are sent are called in a CRM, where nothing else is set."""


def _url(url: str) -> str:
    require_encryption(urlsplit(url))
    return url.rstrip("/")


def _columns(properties: dict[str, str]) -> dict[str, str]:
    unknown = [name for name in properties if name not in (*SHOWN, *GO_ALONG)]
    if unknown:
        raise ValueError(f"{', '.join(unknown)} cannot be sent; there are {', '.join((*SHOWN, *GO_ALONG))}")
    for end in ("", "__c"):
        named = [name.casefold() for name in _named(properties, end).values()]
        twice = sorted({name for name in named if named.count(name) > 1})
        if twice:
            raise ValueError(f"two columns have one property: {', '.join(twice)}")
    return properties


def _named(properties: Mapping[str, str], end: str = "") -> dict[str, str]:
    """What each column that is sent is called."""
    named = {column: f"{name}{end}" for column, name in USUAL_NAMES.items()} | dict(properties)
    return {column: name for column, name in named.items() if name}


class HubSpotSettings(BaseModel):
    """HubSpot."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    url: Annotated[str, AfterValidator(_url)] = Field("https://api.hubapi.com", description="where its API is")
    calls_in_ten_seconds: int = Field(
        190, ge=1, description="calls in ten seconds, at most; other tools of the account have the same allowance"
    )


class SalesforceSettings(BaseModel):
    """Salesforce."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    url: Annotated[str, AfterValidator(_url)] | None = Field(
        None, description="My Domain, as `https://acme.my.salesforce.com`"
    )


class WritebackSettings(BaseModel):
    """Which CRM is written to, and how it calls what is sent."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    to: CrmName | None = Field(None, description="hubspot or salesforce, where the command does not say it")
    id_property: str | None = Field(
        None,
        min_length=1,
        description="the unique property (Salesforce: field) that holds `account_id` (missing: it is the record's id)",
    )
    properties: Annotated[dict[str, str], AfterValidator(_columns)] = Field(
        default_factory=dict,
        description="column of crm_writeback = property, where it is not `headroom_COLUMN` (Salesforce: "
        '`headroom_COLUMN__c`; of snapshot_date: as_of); "" is not sent',
    )
    hubspot: HubSpotSettings = HubSpotSettings()
    salesforce: SalesforceSettings = SalesforceSettings()

    def names(self, to: CrmName) -> dict[str, str]:
        """What each column that is sent is called in that CRM."""
        return _named(self.properties, "__c" if to == "salesforce" else "")
