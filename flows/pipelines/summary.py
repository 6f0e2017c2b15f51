"""What a run came to, in lines: the same in the terminal and with the run in Prefect."""

from collections.abc import Iterator, Mapping
from typing import Any

from data.contract.vocabulary import MOTIONS
from data.figures.headline import Headline
from models.evaluation.metrics import TERMINAL, told_at
from models.experiment.known import EXPANDED
from models.experiment.power import POWER
from models.report.company.figures_page import money, share
from models.report.experiment_page import NAMES, say_amount, say_mean, sentences

DAYS_A_MONTH = 365.25 / 12


def of_training(result: Mapping[str, Any]) -> Iterator[str]:
    """The version, the decision about it, the figures that a reader asks for, and the pages."""
    figures = result["metrics"]
    yield f"model {result['model']} version {result['version']} (run {result['run_id']})"
    yield f"decision: {result['decision']}"
    if result["stands_in"]:
        yield result["stands_in"]
    yield f"  {result['statement']}"
    yield from (f"  {name:<22} {figures[name]:.3f}" for name in told_at(TERMINAL) if name in figures)
    yield from (f"  propensity_{motion} is withheld: {reason}" for motion, reason in result["withheld"].items())
    yield from (f"page: {page}" for page in result["pages"])


def of_backtest(result: Mapping[str, Any]) -> Iterator[str]:
    """Every figure of the whole base with its interval, the verdict, and the page."""
    figures = result["figures"]
    for line in figures[figures.scope == "all"].itertuples():
        yield f"  {line.metric:<28} {line.value:.3f}   95%: {line.low:.3f} to {line.high:.3f}"
    yield f"verdict: {result['verdict'].kind}"
    yield from (f"  {reason}" for reason in result["verdict"].because)
    yield f"page: {result['page']}"


def of_experiment(result: Mapping[str, Any]) -> Iterator[str]:
    """What is known of an experiment, and the page."""
    settings, state = result["settings"], result["state"]
    horizon, currency = settings.expansion.horizon_days, settings.serving.currency
    yield from sentences(str(settings.experiment.name), result["day"], state, horizon, currency)
    yield f"page: {result['page']}"


def of_plan(result: Mapping[str, Any]) -> Iterator[str]:
    """By measure and look, the smallest effect that an experiment would show."""
    settings, currency = result["settings"], result["settings"].serving.currency
    share_held, horizon = settings.experiment.held_out_share, settings.expansion.horizon_days
    yield (
        f"{result['accounts']:,} accounts, {share_held:.0%} of them held out, by the year before {result['day']}; "
        f"what is seen is seen in {POWER:.0%} of such experiments:"
    )
    for measure, looks in result["looks"].items():
        for look in looks:
            now, ever = (say_amount(measure, value, currency) for value in (look.on_a_day, look.on_all_days))
            usual = say_mean(measure, look.mean, currency)
            months = round(look.windows * horizon / DAYS_A_MONTH)
            about = "roughly " * (measure != EXPANDED)  # a few large amounts decide how much ARR varies
            yield (
                f"  {NAMES[measure]} ({usual} in {horizon} days): in {months} months you will see {about}{now} on that "
                f"day alone, {ever} if you look every day"
            )


def of_figures(result: Mapping[str, Any]) -> Iterator[str]:
    """The leading figures of the whole company, or of a segment, what a later run changed, and the page."""
    leading: Headline = result["leading"]
    currency, bridge = result["currency"], leading.bridge
    yield f"figures of {leading.name}, {leading.month:%B %Y}, as known before {result['day']}"
    yield f"  {'MRR':<28} {money(bridge['mrr_end_e4'], currency)} of {bridge['accounts_end']:,} accounts"
    for words, rates in (("year", leading.year), ("month", leading.of_month)):
        if rates is not None:
            yield f"  {f'NRR, {words}':<28} {share(rates['nrr'])}   by the SaaS Metrics Standards Board"
            yield f"  {'  motions alone':<28} {share(rates['nrr_motions'])}   price: {share(rates['nrr_price'])}"
            yield f"  {f'GRR, {words}':<28} {share(rates['grr'])}   price apart: {share(rates['grr_motions'])}"
    if leading.expansion is not None:
        arr = leading.expansion
        parts = ", ".join(f"{name} {money(arr[f'{name}_arr_e4'], currency)}" for name in MOTIONS)
        window = f"expansion ARR, {arr['months']} months"
        yield f"  {window:<28} {money(arr['expansion_arr_e4'], currency)}: {parts}"
        kept = f"{money(arr['kept_arr_e4'], currency)}, {share(arr['kept_share'])} of new ARR and it"
        yield f"  {'  kept of it':<28} {kept}"
    if leading.speed is not None:
        yield f"  {'first expansion in a year':<28} {share(leading.speed['expanded_in_a_year'])} of accounts"
    yield from result["ready"].lines()
    if result["rebuilt"]:
        yield f"changed since the last run, in months that were over then: {result['rebuilt']:,} rows (rebuilt.parquet)"
    yield f"page: {result['page']}"
