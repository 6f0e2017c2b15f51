"""By month, from the published lists and what was recorded of their rows."""

from datetime import date, timedelta
from pathlib import Path

import pytest
from typer.testing import CliRunner

from data.errors import PublishError
from flows.cli import app
from flows.outcomes.at_odds import months_at_odds
from flows.run.settings import load
from serving.outcomes.at_odds import AtOdds
from serving.outcomes.outcome import Outcome
from serving.outcomes.vocabulary import DISQUALIFIED, REOPENED, TAKEN
from serving.published.read import open_list
from serving.store.outcomes import open_store
from tests.serving.world import DAY, publish, snapshot


def test_each_month_counts_its_own_lists(tmp_path: Path) -> None:
    for day in (DAY, DAY + timedelta(days=7), DAY + timedelta(days=31)):
        publish(tmp_path / "published", snapshot(60, day=day))
    (tmp_path / "headroom.toml").write_text("", encoding="utf-8")
    settings = load(tmp_path / "headroom.toml")
    scores = open_list(settings.out_folder, DAY).scores().sort_values("rank")
    first, second, last = scores["account_id"].iloc[[0, 1, scores["rank"].notna().sum() - 1]]

    def done(account: str, action: str, day: date) -> Outcome:
        reason = "not_a_fit" if action == DISQUALIFIED else None
        return Outcome(account_id=account, action=action, who="Ana", snapshot_date=day, reason=reason)

    with open_store(settings.outcomes_url, settings.root) as store:
        store.append([done(first, DISQUALIFIED, DAY), done(last, TAKEN, DAY), done(second, DISQUALIFIED, DAY)])
        store.append([done(second, REOPENED, DAY)])  # the last that was done counts
    october, november = months_at_odds(settings)
    assert (october.month, october.last) == (date(2026, 10, 1), DAY + timedelta(days=7))
    assert (november.month, november.dealt_with) == (date(2026, 11, 1), 0)
    assert october.dealt_with == 3
    assert [october.count(kind) for kind in (AtOdds.REFUSED, AtOdds.TAKEN)] == [1, 1]
    assert [november.count(kind) for kind in (AtOdds.REFUSED, AtOdds.TAKEN)] == [0, 0]
    assert october.ranked == scores["rank"].notna().sum()
    assert october.count(AtOdds.LIKELY) == november.count(AtOdds.LIKELY)  # the same base on both
    printed = CliRunner().invoke(app, ["outcomes", "at-odds", "--config", str(tmp_path / "headroom.toml")])
    assert printed.exit_code == 0
    assert "2026-10" in printed.output


def test_without_a_list_that_is_said(tmp_path: Path) -> None:
    (tmp_path / "headroom.toml").write_text("", encoding="utf-8")
    with pytest.raises(PublishError, match="no list has been published there"):
        months_at_odds(load(tmp_path / "headroom.toml"))
