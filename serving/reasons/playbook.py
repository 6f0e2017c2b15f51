"""The playbook: what each reason says, and what to do about it. Read from ``playbook.toml`` and, over it, a user's own.

A reason text states facts, never a forecast. The first variant whose condition holds and whose numbers are all known
is used. A play belongs to one motion and fits some reasons; each motion has a default play.
"""

import hashlib
import json
import re
import tomllib
from collections.abc import Iterable, Mapping
from functools import cached_property
from pathlib import Path
from typing import Any, Self

from pydantic import BaseModel, ConfigDict, Field, ValidationError, field_validator, model_validator

from data.contract.feature_card import FeatureCard
from data.contract.likeness import LIKENESS
from data.contract.vocabulary import MOTIONS
from data.errors import SettingsError, hint
from serving.reasons.fallback import card_title
from serving.reasons.templates import ABOUT_THE_SOURCE, Condition, Template

SHIPPED = Path(__file__).parents[1] / "playbook.toml"
ALL_KNOWN = tuple(part.word for part in LIKENESS)
"""The words for what makes accounts alike, of a base that knows all of it."""
OF_PEERS = tuple(part.word for part in LIKENESS if part.of_peers)
STRICT = ConfigDict(frozen=True, extra="forbid", str_strip_whitespace=True)


class Variant(BaseModel):
    """One way to say a reason: the sentence, and when it holds (None: whenever its numbers are known)."""

    model_config = STRICT
    text: str = Field(min_length=10)
    when: str | None = None

    @model_validator(mode="before")
    @classmethod
    def _plain_sentence(cls, value: object) -> object:
        return {"text": value} if isinstance(value, str) else value

    @field_validator("text")
    @classmethod
    def _readable_text(cls, text: str) -> str:
        Template.parse(text)
        return text

    @field_validator("when")
    @classmethod
    def _readable_condition(cls, when: str | None) -> str | None:
        if when is not None:
            Condition.parse(when)
        return when

    @cached_property
    def template(self) -> Template:
        return Template.parse(self.text)

    @cached_property
    def condition(self) -> Condition | None:
        return None if self.when is None else Condition.parse(self.when)

    @property
    def features(self) -> tuple[str, ...]:
        """What the sentence rests on: the features whose numbers it states, in order, then those of its condition.

        What is known of the source is no feature.
        """
        asked = self.condition.features if self.condition else ()
        return tuple(dict.fromkeys(name for name in self.template.features + asked if name not in ABOUT_THE_SOURCE))


class Reason(BaseModel):
    """How one reason code is told. ``against`` is said where it speaks against; without it ``texts`` serve for both."""

    model_config = STRICT
    title: str
    texts: tuple[Variant, ...] = Field(min_length=1)
    against: tuple[Variant, ...] = ()

    @field_validator("title")
    @classmethod
    def _short(cls, title: str) -> str:
        if not 2 <= len(title.split()) <= 5:
            raise ValueError(f"a title has 2 to 5 words, `{title}` does not")
        return title

    def variants(self, effect: str) -> tuple[Variant, ...]:
        return self.against + self.texts if effect == "against" else self.texts


class Play(BaseModel):
    """What to do with an account: the offer that fits the trigger, the words, who, and within how many days."""

    model_config = STRICT
    motion: str
    name: str = Field(min_length=3)
    reasons: tuple[str, ...] = ()
    default: bool = False
    what_to_do: str = Field(min_length=10)
    offer: str = Field(min_length=10)
    words: str = Field(min_length=10)
    show: str = Field(min_length=10)
    not_when: str = Field(min_length=10)
    owner_role: str = Field(min_length=2)
    days_to_act: int = Field(ge=1, le=365)

    @field_validator("motion")
    @classmethod
    def _known_motion(cls, motion: str) -> str:
        if motion not in MOTIONS:
            raise ValueError(f"there is no motion `{motion}`; there are {', '.join(MOTIONS)}")
        return motion


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
    def _a_default_for_each_motion(self) -> Self:
        for motion in MOTIONS:
            if not any(play.motion == motion and play.default for play in self.plays.values()):
                raise ValueError(f"motion `{motion}` has no play with `default = true`")
        return self

    def title(self, card: FeatureCard) -> str:
        """What the reason of a feature is called; its label where the playbook does not name the reason."""
        reason = self.reasons.get(card.reason_code)
        return reason.title if reason else card_title(card)

    def default_play(self, motion: str) -> str:
        return next(code for code, play in self.plays.items() if play.motion == motion and play.default)

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
    for code, reason in playbook.reasons.items():
        for variant in reason.texts + reason.against:
            for name in variant.features:
                if name not in catalogue:
                    raise _refusal(source, f"reason `{code}`: `{name}` is no feature{hint(name, catalogue)}")
    for play_code, play in playbook.plays.items():
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
    shared = [word for word in likeness if word in OF_PEERS]
    same = " and ".join([", ".join(likeness[:-1]), likeness[-1]] if len(likeness) > 1 else likeness)
    return {
        "{its_peers}": f"the accounts of its {' and '.join(shared)}" if shared else "the other accounts",
        "{look_alikes}": f"look-alike accounts (same {same})" if likeness else "the other accounts",
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
        known = {"reasons", "plays", *Reason.model_fields, *Play.model_fields, *Variant.model_fields}
        return f"`{where}` is an unknown key{hint(where.split('.')[-1], known)}"
    message = re.sub(r"^(Value|Assertion) error, ", "", problem["msg"])
    return f"{where}: {message}" if where else message


def _refusal(path: Path, found: str) -> SettingsError:
    return SettingsError(
        f"Read the playbook {path}.", found, "Correct the file; the shipped playbook.toml shows every part by example."
    )
