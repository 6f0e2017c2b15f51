"""The playbook: what each reason says, what triggers there are, and what to do. A user's own stands over the shipped.

A reason text states facts, never a forecast. The first text that holds is said. A play belongs to one motion, fits some
reasons and needs some facts; one play is neutral. A trigger leads to a play.
"""

import hashlib
import json
import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from functools import cached_property
from itertools import chain, product
from pathlib import Path
from typing import Any, Self

from pydantic import BaseModel, ConfigDict, Field, ValidationError, field_validator, model_validator

from data.conditions import Condition
from data.contract import trigger_tables
from data.contract.details import DETAILS
from data.contract.feature_card import FeatureCard
from data.contract.likeness import LIKENESS
from data.contract.outputs import AGAINST, CONTRADICTS, FOR, NEUTRAL
from data.contract.triggers import Trigger
from data.contract.vocabulary import MOTIONS
from data.errors import SettingsError, hint
from serving.reasons.fallback import card_title
from serving.reasons.playbook_file import PlaybookFile, refusal
from serving.reasons.tellings import (
    STRICT,
    Clause,
    Shared,
    Telling,
    Variant,
    require_sentence,
    tellings,
    with_texts,
    words_beside,
)
from serving.reasons.templates import ABOUT_THE_SOURCE

SHIPPED = Path(__file__).parents[1] / "playbook.toml"
ALL_KNOWN = tuple(part.word for part in LIKENESS)
"""The words for what makes accounts alike, of a base that knows all of it."""
OF_PEERS = tuple(part.word for part in LIKENESS if part.of_peers)
FORMS = ("segment", "step")
"""The keys of a play under which its forms stand."""
LONGEST_NAME = 80
"""So many letters has what is called by its name in a line of a list: a play, a role, a segment, a code."""


def _one_line(name: str) -> str:
    """Raises ValueError where a name cannot be read in a line."""
    if not name.strip() or not name.isprintable():
        raise ValueError("a name has letters, and no line breaks or control characters")
    if len(name) > LONGEST_NAME:
        raise ValueError(f"a name has at most {LONGEST_NAME} letters, this one {len(name)}")
    return name


class Reason(BaseModel):
    """How one reason code is told.

    ``for`` is what a CSM reads where it speaks for the account, ``against`` where it speaks against; ``texts`` state
    the fact whatever it speaks for, and stand in the table where neither fits. Without ``for`` and ``against`` a CSM
    reads ``texts``. ``clauses`` are parts that sentences share, see ``serving.reasons.tellings``.
    """

    model_config = ConfigDict(frozen=True, extra="forbid", str_strip_whitespace=True, populate_by_name=True)
    title: str
    texts: tuple[Variant, ...] = Field(min_length=1)
    for_: tuple[Variant, ...] | None = Field(default=None, alias="for")
    against: tuple[Variant, ...] = ()
    clauses: dict[str, tuple[Clause, ...]] = {}

    @field_validator("title")
    @classmethod
    def _short(cls, title: str) -> str:
        _one_line(title)
        if not 2 <= len(title.split()) <= 5:
            raise ValueError(f"a title has 2 to 5 words, `{title}` does not")
        return title

    @model_validator(mode="after")
    def _readable(self) -> Self:
        _ = [self.tellings(effect) for effect in (FOR, AGAINST, NEUTRAL)]
        return self

    def tellings(self, effect: str) -> tuple[Telling, ...]:
        """The ways to tell it, the first that holds is said: what a CSM may see, then what is stated for the table."""
        return self._tellings[effect]

    @cached_property
    def _tellings(self) -> Mapping[str, tuple[Telling, ...]]:
        plain = self.for_ is None and not self.against
        stated = self._told(self.texts, (FOR, AGAINST, NEUTRAL, CONTRADICTS), shown=plain)
        shown_for = stated if self.for_ is None else (*self._told(self.for_, (FOR,), shown=True), *stated)
        against = self._told(self.against, (AGAINST,), shown=True)
        return {FOR: shown_for, AGAINST: (*against, *stated), NEUTRAL: stated}

    def _told(self, variants: tuple[Variant, ...], effects: tuple[str, ...], *, shown: bool) -> tuple[Telling, ...]:
        return tellings(variants, self.clauses, shown=shown, most=words_beside(effects))


class PlayTexts(BaseModel):
    """What the texts of a play keep to, in the play and in its forms."""

    model_config = STRICT

    @field_validator("words", "not_when", mode="before", check_fields=False)
    @classmethod
    def _one_text(cls, value: object) -> object:
        return (value,) if isinstance(value, (str, dict)) else value

    @field_validator("not_when", check_fields=False)
    @classmethod
    def _known_bars(cls, bars: tuple[Variant, ...] | None) -> tuple[Variant, ...] | None:
        for bar in bars or ():
            require_sentence(bar)
        return bars

    @field_validator("name", "owner_role", check_fields=False)
    @classmethod
    def _in_a_line(cls, name: str | None) -> str | None:
        return name if name is None else _one_line(name)

    @field_validator("name", "what_to_do", "offer", "show", "owner_role", "hand_over", check_fields=False)
    @classmethod
    def _plain(cls, text: str | None) -> str | None:
        if text is not None and any(brace in text for brace in "{}"):
            raise ValueError(f"only `words` may state an account's own numbers and names, with braces: {text}")
        return text


class Form(PlayTexts):
    """What of a play is otherwise for the accounts of a segment, or on a step; None: as in the play."""

    what_to_do: str | None = Field(default=None, min_length=10)
    offer: str | None = Field(default=None, min_length=10)
    words: tuple[Variant, ...] | None = Field(default=None, min_length=1)
    show: str | None = Field(default=None, min_length=10)
    not_when: tuple[Variant, ...] | None = None
    owner_role: str | None = Field(default=None, min_length=2)
    hand_over: str | None = Field(default=None, min_length=10)
    days_to_act: int | None = Field(default=None, ge=1, le=365)

    @model_validator(mode="after")
    def _says_something(self) -> Self:
        if not self.model_dump(exclude_none=True):
            raise ValueError("it says nothing that is otherwise")
        _ = tellings(self.words or (), {}, shown=True)
        return self


class Play(PlayTexts):
    """What to do with an account: the offer that fits the trigger, the words, who, and within how many days.

    A play is given only where its facts are there: one of ``requires`` holds (comparisons of features, as in ``when``;
    none: it needs no fact), no ``when`` of ``not_when`` does, and one of ``words`` can be said, the first that holds. A
    ``default`` play is given also where it answers nothing that is shown. A play without a ``motion`` is the neutral
    one, for an account of which no other play is true, or one of its ``first_when`` is. ``hand_over``: who takes it on
    from the owner's role, and when.

    ``step``: what is otherwise from one plan to the next (`Team > Business`) or from one product to another
    (`CRM > Analytics`), ``segment`` in a segment; where both say it, the step does.
    """

    motion: str | None = None
    name: str = Field(min_length=3)
    reasons: tuple[str, ...] = ()
    requires: tuple[str, ...] = ()
    first_when: tuple[str, ...] = ()
    default: bool = False
    what_to_do: str = Field(min_length=10)
    offer: str = Field(min_length=10)
    words: tuple[Variant, ...] = Field(min_length=1)
    show: str = Field(min_length=10)
    not_when: tuple[Variant, ...] = ()
    owner_role: str = Field(min_length=2)
    hand_over: str | None = Field(default=None, min_length=10)
    days_to_act: int = Field(ge=1, le=365)
    step: dict[str, Form] = {}
    segment: dict[str, Form] = {}

    @field_validator("motion")
    @classmethod
    def _known_motion(cls, motion: str | None) -> str | None:
        if motion is not None and motion not in MOTIONS:
            raise ValueError(f"there is no motion `{motion}`; there are {', '.join(MOTIONS)}")
        return motion

    @field_validator("requires", "first_when")
    @classmethod
    def _readable_conditions(cls, conditions: tuple[str, ...]) -> tuple[str, ...]:
        for condition in conditions:
            Condition.parse(condition)
        return conditions

    @field_validator("step")
    @classmethod
    def _two_names(cls, steps: dict[str, Form]) -> dict[str, Form]:
        for name in steps:
            if not _step_key(name):
                raise ValueError(f"`{name}` is no step such as `Team > Business`")
        return steps

    @field_validator("segment", "step", mode="before")
    @classmethod
    def _told_apart(cls, forms: object) -> object:
        by_name: dict[str, str] = {}
        for name in forms if isinstance(forms, dict) else ():
            other = by_name.setdefault(_folded(name), name)
            if other != name:
                raise ValueError(f"`{name}` is the same as `{other}`: a form has one table")
        return forms

    @model_validator(mode="after")
    def _readable_words(self) -> Self:
        _ = self.openings, self.forms
        if self.first_when and self.motion is not None:
            raise ValueError("`first_when` is of the neutral play alone, which has no `motion`")
        return self

    @cached_property
    def forms(self) -> Mapping[str, "Play"]:
        """The play as it is for some accounts, by `segment`, by `step`, by `segment; step`; "" is the play itself."""
        made = {}
        for segment, step in product(("", *self.segment), ("", *self.step)):
            named = [part for part in (segment, step) if part]
            parts = [*([self.segment[segment]] if segment else []), *([self.step[step]] if step else [])]
            made["; ".join(named)] = self._in_form(parts) if parts else self
        return made

    def form_of(self, segment: str | None, step: str | None) -> str:
        """The name of its form for an account of this segment, with this step (`Team > Business`)."""
        in_segment = [name for name in self.segment if segment and _folded(name) == _folded(segment)]
        on_step = [name for name in self.step if step and _step_key(name) == _step_key(step)]
        return "; ".join([*in_segment[:1], *on_step[:1]])

    def _in_form(self, parts: list[Form]) -> "Play":
        otherwise = {key: value for part in parts for key, value in part.model_dump(exclude_none=True).items()}
        return Play.model_validate(self.model_dump(exclude={"step", "segment"}) | otherwise)

    @cached_property
    def openings(self) -> tuple[Telling, ...]:
        """The ways to begin the talk."""
        return tellings(self.words, {}, shown=True)

    @cached_property
    def because(self) -> frozenset[str]:
        """What must be stated by a shown reason for some of its openings, in any of its forms."""
        openings = chain.from_iterable(play.openings for play in self.forms.values())
        return frozenset(name for opening in openings for group in opening.because for name in group)

    @cached_property
    def facts(self) -> tuple[Condition, ...]:
        return tuple(Condition.parse(condition) for condition in self.requires)

    @cached_property
    def firsts(self) -> tuple[Condition, ...]:
        """Where it comes before every other play."""
        return tuple(Condition.parse(condition) for condition in self.first_when)

    @cached_property
    def bars(self) -> tuple[Condition, ...]:
        """Where it is not to be given; a text without a condition is for people to mind."""
        return tuple(Condition.parse(bar.when) for bar in self.not_when if bar.when is not None)

    @property
    def names(self) -> tuple[str, ...]:
        """What of an account it asks for."""
        conditions = [name for condition in (*self.facts, *self.firsts, *self.bars) for name in condition.features]
        own = [*conditions, *(name for way in self.openings for name in way.names)]
        in_forms = [name for play in self.forms.values() if play is not self for name in play.names]
        return tuple(dict.fromkeys([*own, *in_forms, *sorted(self.because)]))


def _folded(name: str) -> str:
    """A name as it is compared: `mid_market` is `Mid-market`."""
    return re.sub(r"[\s_-]+", " ", name).strip().casefold()


def _step_key(step: str) -> tuple[str, ...]:
    """The two ends of a step as they are compared; none where it has not two."""
    ends = tuple(_folded(end) for end in step.split(" > ") if end.strip())
    return ends if len(ends) == 2 else ()


class ListTrigger(Trigger):
    """A trigger as the list tells it: in texts that can be read, the last of which can always be told."""

    texts: tuple[Variant, ...] = Field(min_length=1)

    @field_validator("title")
    @classmethod
    def _in_a_line(cls, title: str) -> str:
        return _one_line(title)

    @model_validator(mode="after")
    def _readable(self) -> Self:
        _ = self.tellings
        return self

    @property
    def not_always_told(self) -> str | None:
        """Why it may fire with no text that can be told; None where its last text always can."""
        last = self.tellings[-1]
        beside = sorted(set(last.names) - {*self.reads, *self.numbers})
        if last.condition is None and not beside:
            return None
        of_which = f", and no {', '.join(beside)}" if beside else ""
        return f"the last of `texts` has no `when` and states only what the trigger reads{of_which}"

    @cached_property
    def tellings(self) -> tuple[Telling, ...]:
        """The ways to tell it; the first that holds is said."""
        return tellings(self.texts, {}, shown=True)

    @property
    def names(self) -> tuple[str, ...]:
        """What of an account it asks for."""
        told = [name for telling in self.tellings for name in telling.names if name not in self.numbers]
        return tuple(dict.fromkeys([*self.reads, *told]))


class Playbook(BaseModel):
    """Reasons, plays and triggers by their codes. Earlier plays come first where several fit equally well.

    ``actionable`` are the reason codes that a CSM can do something about: the catalogue says so of one of their
    features.
    """

    model_config = STRICT
    reasons: dict[str, Reason]
    plays: dict[str, Play]
    triggers: dict[str, ListTrigger] = {}
    actionable: frozenset[str] = frozenset()

    @model_validator(mode="after")
    def _a_neutral_play(self) -> Self:
        neutral = [play for play in self.plays.values() if play.motion is None]
        if not neutral or neutral[0].facts or neutral[0].bars or neutral[0].openings[-1].names:
            raise ValueError("there is no neutral play: without `motion`, `requires` and facts in its last `words`")
        return self

    def title(self, card: FeatureCard) -> str:
        """What the reason of a feature is called; its label where the playbook does not name the reason."""
        reason = self.reasons.get(card.reason_code)
        return reason.title if reason else card_title(card)

    @property
    def neutral_play(self) -> str:
        """The play of an account of which no other is true."""
        return next(code for code, play in self.plays.items() if play.motion is None)

    def plays_of(self, motion: str) -> dict[str, Play]:
        return {code: play for code, play in self.plays.items() if play.motion == motion}


def load(
    catalogue: Mapping[str, FeatureCard], path: Path | None = None, likeness: tuple[str, ...] = ALL_KNOWN
) -> Playbook:
    """The shipped playbook, with what the file at ``path`` says over it.

    ``catalogue`` is the whole catalogue, with the team's own features, not only the features of one model. A feature of
    the team's own needs no text here: it is stated with its name and value. ``likeness``: what the base knows of its
    accounts, words of ``ALL_KNOWN`` in that order; no sentence speaks of a segment where there is none.

    Raises SettingsError.
    """
    files = [PlaybookFile.read(SHIPPED), PlaybookFile.read(trigger_tables.SHIPPED, under="triggers")]
    parts = files[0].parts | files[1].parts
    if path is not None:
        own = PlaybookFile.read(path)
        files.insert(0, own)
        parts = _with_own(parts, own)
    called = _called(parts, _names_of_others(likeness))
    try:
        shared = Shared.model_validate({key: called.pop(key) for key in Shared.model_fields})
        actionable = {card.reason_code for card in catalogue.values() if card.actionable}
        playbook = Playbook.model_validate({**shared.spelled_out(called), "actionable": actionable})
    except ValidationError as error:
        raise _refused(files, error, parts) from error
    for table, found, words in _unknown_names(playbook, shared, catalogue):
        raise refusal(files, table, found, words)
    return playbook


def _with_own(parts: dict[str, Any], own: PlaybookFile) -> dict[str, Any]:
    """The parts with those of a user's own file over them.

    Reasons and plays of the same code are replaced, of a trigger the keys that are there; of a play of which only forms
    are there, these are laid over the shipped play. The plays that a user writes whole stand first: theirs is the
    default of the motion, and theirs wins a tie.
    """
    for key in own.parts.keys() - parts.keys():
        raise refusal([own], (key,), f"`{key}` is no part of a playbook{hint(key, parts)}", (key,))
    for key in (key for key, part in own.parts.items() if not isinstance(part, dict)):
        raise refusal([own], (key,), f"`{key}` is no table, as in [{key}.NAME]", (key,))
    for table, value in _named_tables(_without(own.parts, Shared.model_fields)):
        try:
            _one_line(table[-1])
        except ValueError as error:
            raise refusal([own], table, f"a table of [{'.'.join(table[:-1])}]: {error}") from error
        if not isinstance(value, dict):
            raise refusal([own], table, f"`{'.'.join(table)}` is no table, as in [{'.'.join(table[:-1])}.NAME]")
    for code in (code for code, table in own.parts.get("triggers", {}).items() if "points" in table):
        wrong = f"triggers.{code}: it has `points`, which are of the shipped triggers alone"
        raise refusal([own], ("triggers", code, "points"), wrong)
    for code, table in own.parts.get("plays", {}).items():
        if _has_forms_alone(table) and code not in parts["plays"]:
            wrong = (
                f"plays.{code}: it has forms alone, and there is no shipped play `{code}`{hint(code, parts['plays'])}"
            )
            raise refusal([own], ("plays", code), wrong)
    return {key: _over(key, part, own.parts.get(key, {})) for key, part in parts.items()}


def _named_tables(parts: Mapping[str, Mapping[str, Any]]) -> Iterator[tuple[tuple[str, ...], Any]]:
    """Where each code and each form of a file stands, those that hold others first, and what stands there."""
    for key, part in parts.items():
        for code, table in part.items():
            yield (key, code), table
            for kind in FORMS if key == "plays" else ():
                forms = table.get(kind, {})
                if not isinstance(forms, dict):
                    yield (key, code, kind), forms
                else:
                    yield from (((key, code, kind, name), form) for name, form in forms.items())


def _has_forms_alone(table: Mapping[str, Any]) -> bool:
    """Is it no whole play, but forms to be laid over one?"""
    return bool(table) and table.keys() <= set(FORMS)


def _over(key: str, shipped: dict[str, Any], own: dict[str, Any]) -> dict[str, Any]:
    if key == "triggers":
        return {**shipped, **{code: {**shipped.get(code, {}), **table} for code, table in own.items()}}
    forms = {code: table for code, table in own.items() if key == "plays" and _has_forms_alone(table)}
    laid_over = {code: _in_forms(shipped[code], table) for code, table in forms.items()}
    replaced = _without(own, laid_over)
    return {**replaced, **_without({**shipped, **laid_over}, replaced)}


def _in_forms(play: dict[str, Any], own: dict[str, Any]) -> dict[str, Any]:
    """A shipped play with the forms of a user's own file: of a form that is there already, the keys that are there."""
    return {**play, **{kind: _forms_over(play.get(kind, {}), forms) for kind, forms in own.items()}}


def _forms_over(shipped: dict[str, Any], own: dict[str, Any]) -> dict[str, Any]:
    by_name = {_folded(name): form for name, form in shipped.items()}
    laid_over = {name: {**by_name.get(_folded(name), {}), **form} for name, form in own.items()}
    folded = {_folded(name) for name in own}
    return {**{name: form for name, form in shipped.items() if _folded(name) not in folded}, **laid_over}


Found = tuple[tuple[str, ...], str, tuple[str, ...]]
"""The table that something is wrong with (none: with what is not there), what it is, and the words that stand there."""


def _unknown_names(playbook: Playbook, shared: Shared, catalogue: Mapping[str, FeatureCard]) -> Iterator[Found]:
    """What the playbook names and is not there, and what is there that it does not name."""
    codes = {card.reason_code for card in catalogue.values()}
    own = {card.reason_code for card in catalogue.values() if card.is_own}
    known = {**catalogue, **DETAILS, **dict.fromkeys(ABOUT_THE_SOURCE)}
    for code in sorted(codes - own - playbook.reasons.keys()):
        yield (), f"reason code `{code}` of the features has no text", ()
    for code in playbook.reasons.keys() - codes:
        yield ("reasons", code), f"reason `{code}` is told by no feature{hint(code, codes)}", ()
    asked: dict[tuple[str, str], Iterable[str]] = dict(shared.names())
    for code, reason in playbook.reasons.items():
        told = (*reason.tellings(FOR), *reason.tellings(AGAINST))
        asked["reasons", code] = [name for way in told for name in (*way.names, *chain.from_iterable(way.because))]
    asked |= {("plays", code): play.names for code, play in playbook.plays.items()}
    asked |= {("triggers", code): trigger.names for code, trigger in playbook.triggers.items()}
    for table, names in asked.items():
        for name in (name for name in names if name not in known):
            yield (
                table,
                f"{table[0][:-1]} `{table[1]}`: `{name}` is no feature{hint(name, known)}",
                (f"{name} ", f"{{{name}", name),
            )
    for play_code, play in playbook.plays.items():
        for code in (code for code in play.reasons if code not in playbook.reasons):
            found = f"play `{play_code}`: `{code}` is no reason code{hint(code, playbook.reasons)}"
            yield ("plays", play_code), found, (code,)
    yield from _unfit_triggers(playbook)


def _unfit_triggers(playbook: Playbook) -> Iterator[Found]:
    """Triggers that cannot always be told, and those whose play is not there or is one of another motion."""
    for code, trigger in playbook.triggers.items():
        if trigger.not_always_told:
            yield ("triggers", code), f"triggers.{code}: {trigger.not_always_told}", ("texts", "when")
        to = playbook.plays.get(trigger.play)
        if to is None:
            found = f"trigger `{code}`: `{trigger.play}` is no play{hint(trigger.play, playbook.plays)}"
            yield ("triggers", code), found, (trigger.play,)
        elif to.motion is not None and to.motion != trigger.motion:
            speaks = f"speaks for {trigger.motion}" if trigger.motion else "speaks against any motion"
            found = f"trigger `{code}` {speaks}, and its play `{trigger.play}` is one of {to.motion}"
            shipped = trigger_tables.TABLES.get(code, {})
            if (shipped.get("play"), shipped.get("motion")) == (trigger.play, trigger.motion):  # then the play is new
                yield ("plays", trigger.play), found, (to.motion,)
            else:
                yield ("triggers", code), found, (trigger.play,)


def digest(path: Path | None = None) -> str:
    """The sha256 of all sentences, plays and triggers: those shipped and those at ``path``, as they are written."""
    files = [file for file in (SHIPPED, trigger_tables.SHIPPED, path) if file is not None]
    texts = [json.dumps(PlaybookFile.read(file).parts, sort_keys=True) for file in files]
    return hashlib.sha256("\n".join(texts).encode()).hexdigest()


def _names_of_others(likeness: tuple[str, ...]) -> dict[str, str]:
    """What ``{its_peers}`` and ``{look_alikes}`` of a sentence stand for."""
    return {
        "{its_peers}": "similar accounts" if set(OF_PEERS) & set(likeness) else "other accounts",
        "{look_alikes}": "look-alike accounts" if likeness else "other accounts",
    }


def _called(parts: Any, names: Mapping[str, str]) -> Any:
    """The same tables and lists, with the names in every text put in."""

    def called(_: str, text: str) -> str:
        for name, words in names.items():
            text = text.replace(name, words)
        return text

    return with_texts(parts, called)


def _without(items: Mapping[str, Any], replaced: Iterable[str]) -> dict[str, Any]:
    taken = set(replaced)
    return {code: item for code, item in items.items() if code not in taken}


def _refused(files: Sequence[PlaybookFile], error: ValidationError, parts: Mapping[str, Any]) -> SettingsError:
    """The first problem in words: where it is, and what. A key that is not known may be why another is missing.

    ``parts``: those of all files. What is wrong in no table of a user's own file comes from what it names anew.
    """
    problems = error.errors()
    problem = next((one for one in problems if one["type"] == "extra_forbidden"), problems[0])
    path = [str(step) for step in problem["loc"]]
    where, message = ".".join(path), re.sub(r"^(Value|Assertion) error, ", "", problem["msg"])
    if problem["type"] == "extra_forbidden":
        fields = {*Reason.model_fields, *Play.model_fields, *Variant.model_fields, *Trigger.model_fields} - {"for_"}
        known = {*Shared.model_fields, "reasons", "plays", "triggers", "for", *fields}
        return refusal(files, path, f"`{where}` is an unknown key{hint(path[-1], known)}", (path[-1],))
    found = f"{where}: {message}" if where else message
    given = problem["input"].get("text") if isinstance(problem["input"], dict) else problem["input"]
    for word, what in re.findall(r"`([a-z]\w*)` is (no comparison|none of)", message):
        names = parts["conditions" if what == "no comparison" else "bars"]
        found += "; a name stands for no other name" if word in names else hint(word, names)
    own = [key for key in Shared.model_fields if key in files[0].parts]
    if own and not files[0].has(path[:2]):
        return refusal(files[:1], own[:1], f"with what it names under {', '.join(f'[{key}]' for key in own)}, {found}")
    named = [given, message.rpartition(": ")[2], *re.findall(r"`([^`]+)`", message), *reversed(path[2:])]
    words = [] if problem["type"] == "missing" else [word for word in named if isinstance(word, str) and word]
    return refusal(files, path, found, words)
