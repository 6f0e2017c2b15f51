"""Who may look, and how they sign in: ``[serve]`` of ``headroom.toml``."""

from typing import Annotated, Literal, Self
from urllib.parse import urlsplit

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, IPvAnyNetwork, model_validator

from serving.access import names
from serving.outcomes.outcome import clean_text, text_faults

Role = Literal["csm", "lead", "data"]
SESSION_SECRET, OIDC_SECRET = "HEADROOM_SESSION_SECRET", "HEADROOM_OIDC_SECRET"
"""The variables of the environment that hold what no file may: the key of the sessions, the client's secret."""


def _issuer(url: str) -> str:
    names.require_encryption(urlsplit(url))
    return url


def _peer(network: IPvAnyNetwork) -> IPvAnyNetwork:
    if network.prefixlen == 0:
        raise ValueError("that is every address: name the proxy's")
    return network


def _recordable(name: str) -> str:
    """A name that can stand beside what its bearer did."""
    faults = text_faults("who", name) or ([] if clean_text(name) else ["is blank"])
    if faults:
        raise ValueError(f"the name {'; '.join(faults)}: what they do could not be recorded")
    return name


def _by_email(people: dict[str, "PersonSettings"]) -> dict[str, "PersonSettings"]:
    emails = [names.as_email(name) for name in people]
    if None in emails:
        raise ValueError(f"person {emails.index(None) + 1} is not named by an e-mail in plain ASCII")
    if len({*emails}) < len(emails):
        raise ValueError("an e-mail stands there twice; capitals do not matter")
    for email in filter(None, emails):
        if faults := text_faults("who", email):
            raise ValueError(f"the e-mail {email[:20]}... {'; '.join(faults)}: what they do could not be recorded")
    return {str(email): person for email, person in zip(emails, people.values(), strict=True)}


class PersonSettings(BaseModel):
    """What one person may see: a line of ``[serve.people]``."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    role: Role = Field("csm", description="csm: their own accounts; lead: those of several owners; data: all accounts")
    owners: tuple[Annotated[str, Field(pattern=r"\S")], ...] = Field(
        (), description="the owners whose accounts they see, as the list names them"
    )
    name: Annotated[str, Field(min_length=1, max_length=names.LONGEST_NAME), AfterValidator(_recordable)] | None = (
        Field(None, description="as the pages call them")
    )

    @model_validator(mode="after")
    def _role_fits_owners(self) -> Self:
        if self.role == "lead" and not self.owners:
            raise ValueError("a lead needs owners: name those whose accounts they see")
        if self.role == "data" and self.owners:
            raise ValueError("the role data sees all accounts: take the owners out, or name another role")
        return self


class OidcSettings(BaseModel):
    """The provider that people sign in with, by OpenID Connect. The client's secret comes from the environment."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    issuer: Annotated[str, AfterValidator(_issuer)] | None = Field(
        None, description="the provider's issuer, exactly as it writes it"
    )
    client_id: str | None = Field(None, min_length=1, description="what the provider calls this server")


class ProxySettings(BaseModel):
    """The proxy in front that signs people in, and says who they are."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    header: str = Field(
        "X-Forwarded-Email", pattern=r"^[A-Za-z0-9-]+$", description="the header in which the proxy gives the e-mail"
    )
    peers: tuple[Annotated[IPvAnyNetwork, AfterValidator(_peer)], ...] = Field(
        (), description="the proxy's addresses, as `10.0.0.5/32`; whoever else asks is refused"
    )


class AccessSettings(BaseModel):
    """Who may look at the pages of ``headroom serve``, and at whose accounts."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    host: Annotated[str, AfterValidator(names.listened_on)] = Field(
        "127.0.0.1", min_length=1, description="the address that is listened on"
    )
    sign_in: Literal["none", "oidc", "proxy"] = Field(
        "none", description="none: one person, on this machine alone; oidc: with a provider; proxy: by one in front"
    )
    public_url: Annotated[str, AfterValidator(names.origin)] | None = Field(
        None, description="what people type to get here, as `https://headroom.example.com`"
    )
    session_hours: float = Field(8.0, gt=0, le=168, description="hours after which people sign in again")
    contact: str = Field(
        "whoever runs Headroom here", min_length=1, description="whom to ask, for people who are not in [serve.people]"
    )
    oidc: OidcSettings = OidcSettings()
    proxy: ProxySettings = ProxySettings()
    people: Annotated[dict[str, PersonSettings], AfterValidator(_by_email)] = Field(
        default_factory=dict, description='`"ada@example.com" = { role = "csm", owners = ["Ada Lovelace"] }`'
    )

    @property
    def session_seconds(self) -> int:
        return round(self.session_hours * 3600)

    @property
    def is_encrypted(self) -> bool:
        """Do people reach the pages by https://?"""
        return self.public_url is not None and self.public_url.startswith("https://")
