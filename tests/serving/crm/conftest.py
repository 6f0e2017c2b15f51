"""CRMs of a test, and accounts to write to them."""

from collections.abc import Callable, Iterator
from contextlib import ExitStack

import pytest

from serving.crm import client, salesforce
from serving.crm.hubspot import HubSpotCrm
from serving.crm.salesforce import SalesforceCrm
from serving.crm.settings import HubSpotSettings
from tests.serving.crm import servers
from tests.serving.crm.servers import EXTERNAL_ID, ID_PROPERTY, SalesforceWorld, World


@pytest.fixture
def open_hubspot(naps: list[float]) -> Iterator[Callable[..., HubSpotCrm]]:
    """A client of a HubSpot that holds a world."""
    with ExitStack() as opened:

        def run(world: World, token: str = servers.TOKEN) -> HubSpotCrm:
            url = opened.enter_context(servers.on_port(lambda _: servers.hubspot(world)))
            crm = HubSpotCrm(HubSpotSettings(url=url), token, ID_PROPERTY)
            opened.callback(crm.close)
            return crm

        yield run


@pytest.fixture(scope="session")
def encryption(tmp_path_factory: pytest.TempPathFactory) -> dict[str, str]:
    return servers.certificate(tmp_path_factory.mktemp("certificate"))


@pytest.fixture
def open_salesforce(
    encryption: dict[str, str], naps: list[float], monkeypatch: pytest.MonkeyPatch
) -> Iterator[Callable[..., SalesforceCrm]]:
    """A client of a Salesforce that holds a world."""
    monkeypatch.setenv("REQUESTS_CA_BUNDLE", encryption["ssl_certfile"])
    with ExitStack() as opened:

        def run(world: SalesforceWorld, secret: str = servers.CLIENT_SECRET) -> SalesforceCrm:
            url = opened.enter_context(servers.on_port(lambda at: servers.salesforce(world, at), **encryption))
            crm = SalesforceCrm(url, servers.CLIENT_ID, secret, EXTERNAL_ID)
            opened.callback(crm.close)
            return crm

        yield run


@pytest.fixture
def naps(monkeypatch: pytest.MonkeyPatch) -> list[float]:
    """Nobody sleeps; how long they would have."""
    asked: list[float] = []
    monkeypatch.setattr(client, "sleep", asked.append)
    monkeypatch.setattr(salesforce, "sleep", asked.append)
    return asked
