"""What a reader of the list must be told: old data, a model that was no good on past snapshots, other label rules."""

from collections.abc import Mapping
from dataclasses import replace
from datetime import date
from math import isnan, nan
from typing import Any

from data.errors import ModelError
from data.sources.known import KnownBase
from flows.run.progress import say
from flows.run.settings import Settings
from models.estimators.bundle import Bundle
from models.evaluation.backtest import ARR_SUM
from models.registry.glance import AS_OF
from models.settings import PromotionSettings
from models.training.train import TrainedModel
from serving.reasons.formats import say_day

RULES = "expansion_rules"
ARR_RATIO = "arr_forecast_over_realised"
TOLD_METRICS = (
    "auc",
    "best_rule_auc",
    "brier_skill",
    "forecast_over_realised",
    ARR_RATIO,
    *ARR_SUM,
    "calibrated_snapshots",
)


def with_rules(trained: TrainedModel, settings: Settings) -> TrainedModel:
    """The model with the label rules it learnt from, and the figures that the list must answer for."""
    figures = {name: trained.metrics[name] for name in TOLD_METRICS if not isnan(trained.metrics.get(name, nan))}
    bundle = replace(trained.bundle, facts={**trained.bundle.facts, **figures})
    return replace(trained, bundle=with_label_rules(bundle, settings))


def with_label_rules(bundle: Bundle, settings: Settings) -> Bundle:
    """The bundle with the label rules that it learnt from."""
    return replace(bundle, facts={**bundle.facts, RULES: settings.expansion.model_dump()})


def other_rules(bundle: Bundle, settings: Settings) -> str:
    """The label rules that the model learnt from where the settings say otherwise; empty if they are the same."""
    learnt: dict[str, Any] = bundle.facts[RULES]
    asked = settings.expansion.model_dump()
    return ", ".join(
        f"{name} = {learnt.get(name)} (now {asked[name]})" for name in asked if asked[name] != learnt.get(name)
    )


def require_same_rules(bundle: Bundle, settings: Settings) -> None:
    """Raise ``ModelError`` if the model learnt other expansions than the settings speak of."""
    differing = other_rules(bundle, settings)
    if differing:
        raise ModelError(
            f"Score customers with version {bundle.version} of {bundle.name}.",
            f"it was trained with {differing}.",
            "Train again with these settings, or set [expansion] back.",
        )


def warn_of_other_rules(champion: Bundle, settings: Settings) -> None:
    """Say of one that begins to serve by hand that ``score`` will refuse it (``require_same_rules``)."""
    differing = other_rules(champion, settings)
    if differing:
        say(
            f"warning: `headroom score` refuses version {champion.version}, which was trained with {differing}: train "
            "again with these settings, or set [expansion] back"
        )


def has_hindsight(bundle: Bundle, day: date) -> bool:
    """Did the model learn from what happened on the day or later?"""
    return bundle.learnt_until > day


def require_no_hindsight(bundle: Bundle, day: date) -> None:
    """Raise ``ModelError`` if the model learnt from what happened on the day or later."""
    if has_hindsight(bundle, day):
        raise ModelError(
            f"Score the customers of {day}.",
            f"version {bundle.version} of {bundle.name} learnt from all that came before {bundle.learnt_until}: it has "
            "seen what these customers did.",
            f"Use the champion of that day with --model {AS_OF}; or --model {bundle.version} if you mean this one, "
            "which the list then says.",
        )


def warnings(bundle: Bundle, base: KnownBase, gates: PromotionSettings) -> list[str]:
    """Sentences for the page and the manifest.

    ``gates``: outside their ``forecast_range`` the percentages are not to be taken at their word, outside their
    ``arr_forecast_range`` the amounts.
    """
    facts = bundle.facts
    sentences = list(base.warnings)
    if has_hindsight(bundle, base.snapshot_date):
        sentences.append(
            f"Scored by a model that has seen what came after: version {bundle.version} learnt from all that came "
            f"before {say_day(bundle.learnt_until)}. This list is no forecast."
        )
    if "rule" in facts:
        because = "; ".join(facts["because"])
        sentences.append(
            f"There is no model for this base ({facts['verdict']}: {because}). This list is ranked by one rule, "
            f"{facts['rule']}; its percentages are the base rate spread along it, no forecast for one customer."
        )
        return sentences
    if facts.get("brier_skill", 0.0) < 0:
        sentences.append(
            "On past snapshots the percentages were worse than the base rate "
            f"(Brier skill {facts['brier_skill']:.2f}): trust the order of this list, not its percentages or amounts."
        )
    ratio = facts.get("forecast_over_realised")
    lowest, highest = gates.forecast_range
    if ratio is not None and not lowest <= ratio <= highest:
        sentences.append(f"On past snapshots {ratio:.2f} expansions were forecast for each one that came.")
    sentences += _of_arr(facts, gates)
    if facts["auc"] <= facts["best_rule_auc"]:
        sentences.append(
            f"On past snapshots the model ranked no better than the best single column (AUC {facts['auc']:.2f} "
            f"against {facts['best_rule_auc']:.2f})."
        )
    return sentences


def _of_arr(facts: Mapping[str, Any], gates: PromotionSettings) -> list[str]:
    """What is told where the sum of expected ARR did not hold on past snapshots."""
    ratio = facts.get(ARR_RATIO)
    lowest, highest = gates.arr_forecast_range
    if ratio is None or lowest <= ratio <= highest:
        return []
    months = int(facts["calibrated_snapshots"])
    sentences = [
        f"Expected ARR: over the last {months} month{'s' * (months != 1)} tested the forecast was {ratio:.2f} times "
        "what came; read it as an order, not as an amount."
    ]
    if "arr_ratio_low" not in facts:  # a model stored before they were told
        return sentences
    sentences.append(
        f"Four times in five it was to lie between {facts['arr_ratio_low']:.2f} and {facts['arr_ratio_high']:.2f}."
    )
    without_two = facts.get("arr_ratio_without_two")  # not known where all of it came from these two
    if without_two is None or lowest <= without_two <= highest:
        sentences.append(
            f"Two accounts make the difference: they brought {facts['arr_share_of_two']:.0%} of what came, and "
            f"{facts['expected_arr_share_of_two']:.0%} of the forecast was for them."
        )
    return [" ".join(sentences)]
