"""What is shown with a run where Prefect keeps it: the verdict, the decision and the top of the list."""

from collections.abc import Iterator, Mapping
from datetime import date
from pathlib import Path
from typing import Any

from flows.run.runner import runner
from models.evaluation.verdict import Verdict
from models.training.promotion import Decision
from serving.published.read import open_list
from serving.ranking.amounts import say_money
from serving.reasons.formats import say_propensity
from serving.render.entries import best_reasons, ranked


def show_verdict(verdict: Verdict) -> None:
    """May a model be used, and why."""
    lines = [f"**{verdict.kind}**", *(f"- {reason}" for reason in verdict.because), verdict.todo]
    runner().show_text("verdict", "\n\n".join(line for line in lines if line), "May a model of this base be used?")


def show_decision(decision: Decision) -> None:
    """Promote, keep or refuse, and every condition that was asked."""
    lines = [f"**{decision.choice}**: {'; '.join(decision.because)}", "", "| asked | there | passed |", "|---|---|---|"]
    lines += [f"| {check.asks} | {check.found} | {'yes' if check.passed else 'no'} |" for check in decision.checks]
    runner().show_text("promotion", "\n".join(lines), "Is the new model to be served?")


def show_top(out: Path, day: date) -> None:
    """The top of a published list, as many accounts as on its page."""
    runner().show_table("top", _top(out, day), f"Ready to grow on {day}, in {out}.")


def _top(out: Path, day: date) -> Iterator[Mapping[str, Any]]:
    """One row per account. The list is read only if somebody asks for them."""
    listing = open_list(out, day).shown()
    currency = listing.manifest["serving"]["currency"]
    for entry in ranked(listing, listing.manifest["serving"]["top"]):
        yield {
            "rank": entry.rank,
            "account": entry.name,
            "account_id": entry.account_id,  # by which it is found again, whatever it is called then
            "owner": entry.owner or "no owner",
            "likely": say_propensity(entry.propensity),
            "ARR": say_money(entry.expected_arr, currency),
            "play": f"{entry.motion}: {entry.play}",
            "why": "; ".join(why.text for why in best_reasons(entry)),
        }
