"""The playbook: what each reason says, and what to do about it. Read from ``playbook.toml`` and, over it, a user's own.

A reason text states facts, never a forecast. The first text that holds is said. A play belongs to one motion, fits some
reasons and needs some facts; one play is neutral.
"""

import hashlib
import json
import re
import tomllib
from collections.abc import Iterable, Mapping
from functools import cached_property
from itertools import chain
from pathlib import Path
from typing import Any, Self

from pydantic import BaseModel, ConfigDict, Field, ValidationError, field_validator, model_validator

from data.conditions import Condition
from data.contract.details import DETAILS
from data.contract.feature_card import FeatureCard
from data.contract.likeness import LIKENESS
from data.contract.outputs import AGAINST, FOR, NEUTRAL
from data.contract.vocabulary import MOTIONS
from data.errors import SettingsError, hint
from serving.reasons.fallback import card_title
from serving.reasons.tellings import Telling, Way, tellings

SHIPPED = Path(__file__).parents[1] / "playbook.toml"
ALL_KNOWN = tuple(part.word for part in LIKENESS)
"""The words for what makes accounts alike, of a base that knows all of it."""
OF_PEERS = tuple(part.word for part in LIKENESS if part.of_peers)
STRICT = ConfigDict(frozen=True, extra="forbid", str_strip_whitespace=True)


class Variant(BaseModel):
    """One way to say something: the text, and when it holds (None: whenever what it states is known).

    ``because``: the features of which one must push the way that is told.
    """

    model_config = STRICT
    text: str = Field(min_length=3)
    when: str | None = None
    because: tuple[str, ...] = ()

    @model_validator(mode="before")
    @classmethod
    def _plain_sentence(cls, value: object) -> object:
        return {"text": value} if isinstance(value, str) else value

    @field_validator("when")
    @classmethod
    def _readable_condition(cls, when: str | None) -> str | None:
        if when is not None:
            Condition.parse(when)
        return when

    @property
    def way(self) -> Way:
        return Way(self.text, self.when, self.because)


class Clause(Variant):
    """A part of a sentence, with the blank or the comma before it."""

    model_config = ConfigDict(frozen=True, extra="forbid", str_strip_whitespace=False)
    text: str = Field(min_length=1)


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
        stated = self._told(self.texts, shown=plain)
        shown_for = stated if self.for_ is None else (*self._told(self.for_, shown=True), *stated)
        return {FOR: shown_for, AGAINST: (*self._told(self.against, shown=True), *stated), NEUTRAL: stated}

    def _told(self, variants: tuple[Variant, ...], *, shown: bool) -> tuple[Telling, ...]:
        clauses = {name: [clause.way for clause in ways] for name, ways in self.clauses.items()}
        return tellings([variant.way for variant in variants], clauses, shown=shown)


class Play(BaseModel):
    """What to do with an account: the offer that fits the trigger, the words, who, and within how many days.

    A play is given only where its facts are there: one of ``requires`` holds (comparisons of features, as in ``when``;
    none: it needs no fact), no ``when`` of ``not_when`` does, and one of ``words`` can be said, the first that holds. A
    ``default`` play is given also where it answers nothing that is shown. A play without a ``motion`` is the neutral
    one, for an account of which no other play is true.
    """

    model_config = STRICT
    motion: str | None = None
    name: str = Field(min_length=3)
    reasons: tuple[str, ...] = ()
    requires: tuple[str, ...] = ()
    default: bool = False
    what_to_do: str = Field(min_length=10)
    offer: str = Field(min_length=10)
    words: tuple[Variant, ...] = Field(min_length=1)
    show: str = Field(min_length=10)
    not_when: tuple[Variant, ...] = ()
    owner_role: str = Field(min_length=2)
    days_to_act: int = Field(ge=1, le=365)

    @field_validator("words", "not_when", mode="before")
    @classmethod
    def _one_text(cls, value: object) -> object:
        return (value,) if isinstance(value, str) else value

    @field_validator("name", "what_to_do", "offer", "show", "owner_role")
    @classmethod
    def _plain(cls, text: str) -> str:
        if any(brace in text for brace in "{}"):
            raise ValueError(f"only `words` may state an account's own numbers and names, with braces: {text}")
        return text

    @field_validator("motion")
    @classmethod
    def _known_motion(cls, motion: str | None) -> str | None:
        if motion is not None and motion not in MOTIONS:
            raise ValueError(f"there is no motion `{motion}`; there are {', '.join(MOTIONS)}")
        return motion

    @field_validator("requires")
    @classmethod
    def _readable_conditions(cls, requires: tuple[str, ...]) -> tuple[str, ...]:
        for condition in requires:
            Condition.parse(condition)
        return requires

    @model_validator(mode="after")
    def _readable_words(self) -> Self:
        _ = self.openings
        return self

    @cached_property
    def openings(self) -> tuple[Telling, ...]:
        """The ways to begin the talk."""
        return tellings([variant.way for variant in self.words], {}, shown=True)

    @cached_property
    def facts(self) -> tuple[Condition, ...]:
        return tuple(Condition.parse(condition) for condition in self.requires)

    @cached_property
    def bars(self) -> tuple[Condition, ...]:
        """Where it is not to be given; a text without a condition is for people to mind."""
        return tuple(Condition.parse(bar.when) for bar in self.not_when if bar.when is not None)

    @property
    def names(self) -> tuple[str, ...]:
        """What of an account it asks for."""
        conditions = [name for condition in (*self.facts, *self.bars) for name in condition.features]
        return tuple(dict.fromkeys([*conditions, *(name for way in self.openings for name in way.names)]))


class Playbook(BaseModel):
    """Reasons by reason code, plays by play code. Earlier plays come first where several fit equally well.

    ``actionable`` are the reason codes that a CSM can do something about: the catalogue says so of one of their
    features.
    """

    model_config = STRICT
    reasons: dict[str, Reason]
    plays: dict[str, Play]
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
    """The shipped playbook; reasons and plays of the file at ``path`` replace those of the same code.

    ``catalogue`` is the whole catalogue, with the team's own features, not only the features of one model. A feature of
    the team's own needs no text here: it is stated with its name and value. ``likeness``: what the base knows of its
    accounts, words of ``ALL_KNOWN`` in that order; no sentence speaks of a segment where there is none.

    Raises SettingsError.
    """
    parts = _read(SHIPPED)
    if path is not None:
        own = _read(path)
        for key in own.keys() - parts.keys():
            raise _refusal(path, f"`{key}` is no part of a playbook{hint(key, parts)}")
        for key in (key for key, part in own.items() if not isinstance(part, dict)):
            raise _refusal(path, f"`{key}` is no table, as in [{key}.a_code]")
        # A user's plays stand first: theirs is the default of the motion, and theirs wins a tie.
        parts = {key: {**own.get(key, {}), **_without(parts[key], own.get(key, {}))} for key in parts}
    source = path or SHIPPED
    parts["reasons"] = _called(parts["reasons"], _names_of_others(likeness))
    try:
        actionable = {card.reason_code for card in catalogue.values() if card.actionable}
        playbook = Playbook.model_validate({**parts, "actionable": actionable})
    except ValidationError as error:
        raise _refusal(source, _first(error)) from error
    _check_names(playbook, catalogue, source)
    return playbook


def _check_names(playbook: Playbook, catalogue: Mapping[str, FeatureCard], source: Path) -> None:
    codes = {card.reason_code for card in catalogue.values()}
    own = {card.reason_code for card in catalogue.values() if card.is_own}
    for code in sorted(codes - own - playbook.reasons.keys()):
        raise _refusal(source, f"reason code `{code}` of the features has no text")
    for code in playbook.reasons.keys() - codes:
        raise _refusal(source, f"reason `{code}` is told by no feature{hint(code, codes)}")
    known = {**catalogue, **DETAILS}
    for code, reason in playbook.reasons.items():
        for telling in (*reason.tellings(FOR), *reason.tellings(AGAINST)):
            for name in (*telling.names, *chain.from_iterable(telling.because)):
                if name not in known:
                    raise _refusal(source, f"reason `{code}`: `{name}` is no feature{hint(name, known)}")
    for play_code, play in playbook.plays.items():
        for name in play.names:
            if name not in known:
                raise _refusal(source, f"play `{play_code}`: `{name}` is no feature{hint(name, known)}")
        for code in play.reasons:
            if code not in playbook.reasons:
                near = hint(code, playbook.reasons)
                raise _refusal(source, f"play `{play_code}`: `{code}` is no reason code{near}")


def _read(path: Path) -> dict[str, Any]:
    try:
        return tomllib.loads(path.read_text(encoding="utf-8"))
    except (OSError, UnicodeDecodeError, tomllib.TOMLDecodeError) as error:
        raise _refusal(path, f"it cannot be read: {error}") from error


def digest(path: Path | None = None) -> str:
    """The sha256 of all sentences and plays: of the shipped playbook and the one at ``path``, as they are written."""
    texts = [json.dumps(_read(file), sort_keys=True) for file in (SHIPPED, path) if file is not None]
    return hashlib.sha256("\n".join(texts).encode()).hexdigest()


def _names_of_others(likeness: tuple[str, ...]) -> dict[str, str]:
    """What ``{its_peers}`` and ``{look_alikes}`` of a sentence stand for."""
    return {
        "{its_peers}": "similar accounts" if set(OF_PEERS) & set(likeness) else "the other accounts",
        "{look_alikes}": "look-alike accounts" if likeness else "the other accounts",
    }


def _called(part: Any, names: Mapping[str, str]) -> Any:
    """The same tables and lists, with the names in every text put in."""
    if isinstance(part, dict):
        return {key: _called(value, names) for key, value in part.items()}
    if isinstance(part, list):
        return [_called(value, names) for value in part]
    if isinstance(part, str):
        for name, words in names.items():
            part = part.replace(name, words)
    return part


def _without(items: Mapping[str, Any], replaced: Iterable[str]) -> dict[str, Any]:
    taken = set(replaced)
    return {code: item for code, item in items.items() if code not in taken}


def _first(error: ValidationError) -> str:
    """The first problem in words: where it is, and what."""
    problem = error.errors()[0]
    where = ".".join(str(step) for step in problem["loc"])
    if problem["type"] == "extra_forbidden":
        fields = {*Reason.model_fields, *Play.model_fields, *Variant.model_fields} - {"for_"}
        known = {"reasons", "plays", "for", *fields}
        return f"`{where}` is an unknown key{hint(where.split('.')[-1], known)}"
    message = re.sub(r"^(Value|Assertion) error, ", "", problem["msg"])
    return f"{where}: {message}" if where else message


def _refusal(path: Path, found: str) -> SettingsError:
    return SettingsError(
        f"Read the playbook {path}.", found, "Correct the file; the shipped playbook.toml shows every part by example."
    )
