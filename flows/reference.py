"""The reference pages of the docs, made from the code they describe: tables, settings, features, metrics, outputs.

    python -m flows.reference        writes docs/tables.md, docs/settings.md, docs/features.md, docs/metrics.md,
                                     docs/mappings.md, docs/playbook.md, and the tables in docs/outputs.md,
                                     docs/figures.md and docs/monitoring.md

A test compares the pages with what would be written, so they cannot go stale.
"""

import json
from collections.abc import Callable, Iterable, Iterator, Mapping
from pathlib import Path
from types import NoneType, UnionType
from typing import Any, Literal, Union, get_args, get_origin

from pydantic import BaseModel
from pydantic.fields import FieldInfo

from data.contract import outputs
from data.contract.details import DETAILS
from data.contract.inputs import TABLES, Table
from data.contract.outputs import OutputColumn, OutputTable
from data.contract.vocabulary import MOTIONS
from data.figures.tables import FIGURES
from data.mappings.catalogue import ReadyMapping, mappings
from data.sources.known import FEW_ROWS
from features.catalogue import full_catalogue
from flows.feature_rows import HEADER, cells
from flows.run.settings import OFF, PREFIX, Settings
from models.evaluation import metrics
from models.evaluation.backtest import ARR_COVERAGE, ARR_SUM
from models.monitoring.alarms import KINDS
from serving.monitoring.contract import MONITORING_TABLES
from serving.publish import OWNER, WRITERS
from serving.published.layout import MANIFEST
from serving.ranking.gates import GATES
from serving.reasons.playbook import Play, Playbook
from serving.reasons.playbook import load as load_playbook
from serving.settings import GateThresholds

NOT_SHOWN = (".root",)
"""Not set by users: the folder of the settings file."""

DOCS = Path(__file__).parents[1] / "docs"
MADE = "<!-- Made by `python -m flows.reference`; change the code it describes, not this page. -->"


def tables_page() -> str:
    """The input contract: every table and column."""
    lines = [
        "# Input tables",
        "",
        MADE,
        "",
        "`*` = required. Ids are text, clocks are UTC, money is in the unit that its column names. The *reporting "
        "currency* is that of every amount that names no other: all figures are in it.",
        "A column that is empty in every row is as if it were not there: nothing is learnt from it. A model that has "
        "learnt from its values scores such rows all the same, and warns, where that may be so: of a day that has yet "
        f"to come (`notice_at`), of a `parent_id`, and of tables of fewer than {FEW_ROWS} rows; else it names the "
        "column and stops.",
        "",
    ]
    for table in TABLES.values():
        lines += _table(table)
    return "\n".join(lines)


def _table(table: Table) -> Iterator[str]:
    needed = f" (required, or `{'` or `'.join(n for n in table.one_of if n != table.name)}`)" if table.one_of else ""
    yield from (f"## {table.name}{' (required)' if table.name == 'accounts' else needed}", "")
    yield from (f"One row: {table.grain}. Key: {', '.join(f'`{name}`' for name in table.key)}.", "")
    if table.costs:
        yield from (f"Without it: no {table.costs}.", "")
    yield from (f"- {caveat}" for caveat in table.caveats)
    yield from ("", "| column | type | unit | meaning | without it |", "|---|---|---|---|---|")
    for column in table.columns:
        name = f"`{column.name}`{'*' if column.required else ''}"
        yield f"| {name} | {column.kind} | {column.unit} | {column.meaning} | {column.costs} |"
    if table.extra_columns:
        yield "| any others | number or text | | the team's own | |"
    yield ""


def settings_page() -> str:
    """Every setting of ``headroom.toml`` with its default."""
    lines = ["# Settings", "", MADE, ""]
    lines += ["`headroom.toml` of the working folder, or `--config FILE`. No setting has to be set.", ""]
    lines += [f"An environment variable overrides the file: `{PREFIX}SOURCE__URL` is `url` under `[source]`.", ""]
    lines += ["Defaults and words stand here as in the file; in a variable a word has no quotes."]
    lines[-1] += f' `"{OFF}"` says that the setting has no value, as where no default stands; it switches a gate off.'
    lines += ["", *_settings(Settings, "", Settings())]
    return "\n".join(lines)


def _settings(model: type[BaseModel], place: str, values: BaseModel) -> Iterator[str]:
    nested: list[tuple[str, BaseModel]] = []
    plain: list[tuple[str, FieldInfo, Any]] = []
    for name, field in model.model_fields.items():
        value = getattr(values, name)
        if isinstance(value, BaseModel):
            nested.append((name, value))
        elif f"{place}.{name}" not in NOT_SHOWN:
            plain.append((name, field, value))
    if plain:
        yield from (
            f"## {f'[{place}]' if place else 'top of the file'}",
            "",
            "| key | default | words | meaning |",
            "|---|---|---|---|",
        )
        for name, field, value in plain:
            words = ", ".join(map(_in_toml, _words(field.annotation)))
            yield f"| `{name}` | {_in_toml(value)} | {words} | {field.description or 'as in LightGBM'} |"
        yield ""
    for name, value in nested:
        yield from _settings(type(value), f"{place}.{name}" if place else name, value)


def _in_toml(value: Any) -> str:
    """A value as it stands in the file, if there is one: of all but a filled table JSON is TOML, too."""
    return "" if value is None else f"`{json.dumps(value, ensure_ascii=False, default=str)}`"


def _words(kind: Any) -> Iterator[str]:
    """The words that a setting takes: its own, and the one for none where it can do without a value."""
    if get_origin(kind) is Literal:
        yield from get_args(kind)
    elif get_origin(kind) in (Union, UnionType):
        for part in get_args(kind):
            yield from _words(part)
    elif kind is NoneType:
        yield OFF


def features_page() -> str:
    """The feature catalogue, and the details that sentences name."""
    lines = ["# Features", "", MADE, "", "One row: what is known about one account before one snapshot.", ""]
    lines += [f"| {' | '.join(HEADER)} |", "|---" * len(HEADER) + "|"]
    for card in full_catalogue().values():
        name, *words = cells(card)
        lines.append(f"| {' | '.join([f'`{name}`', *words])} |")
    lines += ["", "## Details", "", "What sentences name beside the features; no model sees it. A placeholder of the"]
    lines[-1] += " playbook may be a detail: `{limit_feature:name}`, `{gated_asked_on:day}`."
    lines += ["", "| name | kind | meaning |", "|---|---|---|"]
    lines += [f"| `{name}` | {card.kind} | {card.meaning} |" for name, card in DETAILS.items()]
    return "\n".join([*lines, ""])


def metrics_page() -> str:
    """The metrics of a backtest."""
    lines = ["# Metrics of a backtest", "", MADE, ""]
    lines += ["Each with an interval of 95% from resamples of accounts. Figures of the order are means over the days; "]
    lines[-1] += "those of probabilities and amounts are of all days that had a past to calibrate on, together."
    lines += ["", "| metric | meaning | of | by chance | also shown on |", "|---|---|---|---|---|"]
    for metric in metrics.METRICS:
        chance = metric.by_chance.words if metric.by_chance else ""
        shown = ", ".join(metric.shown)
        lines.append(f"| `{metric.name}` | {metric.words} | {metric.kind} | {chance} | {shown} |")
    lines += [
        "",
        "Two shares of expected ARR are told beside them: what came inside its interval, 0.8 being stated.",
        "",
    ]
    lines += ["| share | of |", "|---|---|"]
    lines += [f"| `{name}` | {words} |" for name, words in ARR_COVERAGE.items()]
    lines += ["", "And of the sum over those days:", "", "| figure | what it is |", "|---|---|"]
    lines += [f"| `{name}` | {words} |" for name, words in ARR_SUM.items()]
    return "\n".join([*lines, ""])


def outputs_page() -> str:
    """The page of the outputs as it is, with the parts between its markers made anew."""
    tables = {name: _output_table(table) for name, table in outputs.TABLES.items()}
    return _with_parts("outputs.md", {"files": _files(), **tables, "gates": _gates()})


def figures_page() -> str:
    """The page of the company's figures as it is, with the tables between its markers made anew."""
    return _with_parts("figures.md", {name: _output_table(table) for name, table in FIGURES.items()})


def _with_parts(file: str, made: Mapping[str, Iterable[str]]) -> str:
    """A page as it is, with its parts of these names made anew, each between its markers."""
    page = (DOCS / file).read_text(encoding="utf-8")
    for name, lines in made.items():
        start, end = f"<!-- {name}: made by `python -m flows.reference` -->\n", f"<!-- end of {name} -->"
        before, _, rest = page.partition(start)
        _, found, after = rest.partition(end)
        assert found, f"docs/{file} has no place for {name}: {start}{end}"
        page = "".join([before, start, "\n", *(f"{line}\n" for line in lines), "\n", end, after])
    return page


def _files() -> Iterator[str]:
    yield from ("| file | what it is |", "|---|---|")
    yield from (f"| `{name}.parquet` | one row: {table.grain} |" for name, table in outputs.TABLES.items())
    for name, writer in WRITERS.items():
        yield f"| `{name}` | {writer.meaning}{'; one for each owner' if OWNER in name else ''} |"
    yield f"| `{MANIFEST}` | what produced the list, and the hashes of its files |"


def _gates() -> Iterator[str]:
    yield from ("| code | it says | shown under | setting | default | what is set |", "|---|---|---|---|---|---|")
    for code, gate in {gate.code: gate for gate in GATES}.items():
        setting = GateThresholds.model_fields[gate.setting]
        cells = (f"`{code}`", gate.label, gate.shown_under, f"`{gate.setting}`", _in_toml(setting.default))
        yield f"| {' | '.join(cells)} | {setting.description} |"


def _output_table(table: OutputTable) -> Iterator[str]:
    order = ", ".join(f"`{name}`{'' if is_rising else ' (falling)'}" for name, is_rising in table.rising.items())
    yield f"One row: {table.grain}. Key: {', '.join(f'`{name}`' for name in table.key)}. Sorted by {order}."
    yield from ("", "| column | type | unit | meaning |", "|---|---|---|---|")
    for column in table.columns:
        yield f"| `{column.name}` | {_output_kind(column)} | {column.unit} | {_output_meaning(column)} |"
    if table.features:
        yield f"| one column per feature of the model, named as the feature | number | | {table.features} |"
    people = [f"`{column.name}`" for column in table.columns if column.for_people]
    if people:
        yield from ("", f"For people, not for joins or sums: {', '.join(people)}.")


def _output_kind(column: OutputColumn) -> str:
    return f"{column.kind} or null" if column.nullable else column.kind


def _output_meaning(column: OutputColumn) -> str:
    words = ", ".join(f"`{word}`" if word else "empty" for word in column.words)
    return f"{column.meaning}: {words}" if words else column.meaning


def mappings_page() -> str:
    """The ready-made mappings: what each gives, its traps, what its times are worth."""
    lines = ["# Ready-made mappings", "", MADE, ""]
    lines += ["`headroom init` recognises these tools by the names of their tables and columns, in a folder (also one"]
    lines[-1] += (
        " folder a tool), a DuckDB file or PostgreSQL (also one schema a tool, or names that begin with the tool),"
    )
    lines[-1] += " and writes their SQL into `headroom.toml`, to be changed there. The loader stands in brackets: what"
    lines[-1] += " another one lands has other names, and is not recognised. On Spark and in other warehouses the SQL"
    lines[-1] += " does not run: export to Parquet, or write a query for each table yourself ([sources](sources.md))."
    lines += ["", "| `--from` | tool | it is | gives |", "|---|---|---|---|"]
    for mapping in mappings().values():
        gives = ", ".join(f"`{name}`" for name in mapping.gives)
        lines.append(f"| `{mapping.tool}` or `{mapping.name}` | {mapping.title} | {mapping.role} | {gives} |")
    for mapping in mappings().values():
        lines += ["", *_mapping(mapping)]
    return "\n".join([*lines, ""])


def _mapping(mapping: ReadyMapping) -> Iterator[str]:
    yield from (f"## {mapping.title}", "")
    needed = [_landed(mapping, name) for name, spec in mapping.tables.items() if not spec.may_lack]
    wanted: dict[tuple[str, ...], str] = {}
    for name, spec in mapping.tables.items():
        if spec.may_lack:
            wanted.setdefault(spec.names or (name,), _landed(mapping, name))
    optional = f"; if there: {', '.join(wanted.values())}" if wanted else ""
    yield f"Tables: {', '.join(needed)}{optional}."
    yield from ("", *(f"- Not sure: {words}" for words in mapping.unsure))
    for name, given in mapping.gives.items():
        yield from ("", f"**{name}.** {given.known_at}", "")
        yield from (f"- Not safe without {_landed(mapping, place)}: {words}" for place, words in given.caveats.items())
        yield from (f"- {trap}" for trap in given.traps)


def _landed(mapping: ReadyMapping, place: str) -> str:
    """How a table of a mapping, or a column of one (``table.column``), is called where it was landed.

    One that may be missing, in a table that is needed, is told by the columns that it has beside those.
    """
    name, _, column = place.partition(".")
    spec = mapping.tables[name]
    names = spec.names or (name,)
    if column:
        return " or ".join(f"`{landed}.{(spec.columns | spec.optional)[column].name}`" for landed in names)
    shared = [
        {known.name for known in other.columns.values()}
        for of, other in mapping.tables.items()
        if spec.may_lack and not other.may_lack and {*(other.names or (of,))} & {*names}
    ]
    more = [f"`{own.name}`" for own in spec.columns.values() if own.name not in set().union(*shared)] if shared else []
    return " or ".join(f"`{landed}`" for landed in names) + f" with {' and '.join(more)}" * bool(more)


def playbook_page() -> str:
    """The page of triggers and plays as it is, with the parts between its markers made anew."""
    playbook = load_playbook(full_catalogue())
    return _with_parts("playbook.md", {"triggers": _triggers(playbook), "plays": _plays(playbook)})


def _triggers(playbook: Playbook) -> Iterator[str]:
    yield from ("| trigger | speaks for | fires where | threshold | points | play |", "|---|---|---|---|---|---|")
    for code, trigger in playbook.triggers.items():
        numbers = ", ".join(f"{name} {number:g}" for name, number in trigger.numbers.items())
        cells = (f"`{code}`", trigger.motion or "against any", f"`{trigger.when}`", f"{numbers}: {trigger.means}")
        yield f"| {' | '.join(cells)} | {trigger.points or ''} | `{trigger.play}` |"


def _plays(playbook: Playbook) -> Iterator[str]:
    for motion in (*MOTIONS, None):
        yield from (f"### {motion or 'of no motion'}", "")
        for code, play in playbook.plays.items():
            if play.motion == motion:
                yield from _play(code, play, playbook)


def _play(code: str, play: Play, playbook: Playbook) -> Iterator[str]:
    triggers = [f"`{name}`" for name, trigger in playbook.triggers.items() if trigger.play == code]
    yield from (f"**{play.name}** (`{code}`)", "")
    yield f"- Triggers: {', '.join(triggers) or 'none; it answers reasons'}"
    if play.requires:
        yield f"- Given where: {' or '.join(f'`{condition}`' for condition in play.requires)}"
    if play.first_when:
        yield f"- Before all others where: {' or '.join(f'`{condition}`' for condition in play.first_when)}"
    yield from (f"- Not when: {bar.text}{f' (`{bar.when}`)' if bar.when else ''}" for bar in play.not_when)
    yield from (f"- Do: {play.what_to_do}", f"- Offer: {play.offer}", f"- Show: {play.show}")
    yield f"- Who: {play.owner_role}, within {play.days_to_act} days. {play.hand_over or ''}".rstrip()
    yield f"- Say: {play.words[0].text}"
    for name, form in (*play.segment.items(), *play.step.items()):
        otherwise = "; ".join(
            f"{key.replace('_', ' ')}: {said}" for key, said in form.model_dump(exclude_none=True).items()
        )
        yield f"- {name}: {otherwise}"
    yield ""


def monitoring_page() -> str:
    """The page of monitoring as it is, with the parts between its markers made anew."""
    tables = {name: _output_table(table) for name, table in MONITORING_TABLES.items()}
    return _with_parts("monitoring.md", {"alarms": _alarms(), **tables})


def _alarms() -> Iterator[str]:
    yield from ("| code | it says | where | who | next step |", "|---|---|---|---|---|")
    for code, kind in KINDS.items():
        yield f"| `{code}` | {kind.title} | {kind.test} | `{kind.of}_owner` | {kind.next_step} |"


PAGES: dict[str, Callable[[], str]] = {
    "tables.md": tables_page,
    "settings.md": settings_page,
    "features.md": features_page,
    "metrics.md": metrics_page,
    "outputs.md": outputs_page,
    "figures.md": figures_page,
    "mappings.md": mappings_page,
    "playbook.md": playbook_page,
    "monitoring.md": monitoring_page,
}

if __name__ == "__main__":
    for page, write in PAGES.items():
        (DOCS / page).write_text(write(), encoding="utf-8")
