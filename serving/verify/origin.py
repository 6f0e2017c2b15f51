"""What a list was made from, and what is there now: which table, which model, which setting, which code."""

from collections.abc import Mapping
from typing import Any

from serving.verify.files_and_sums import Difference, Differences

NOT_THERE = "not there"
HASHES = "input_hashes"
"""What the manifest says of each table: the engine, the rows and their hash."""
MAKE_NO_LIST = ("figures", "monitor", "notify", "reports", "serve", "writeback")
"""Settings that make no list: older manifests have hashes of them, too, which are passed over."""


def check_origin(manifest: Mapping[str, Any], now: Mapping[str, Any]) -> Differences:
    """Whatever the list was made from that is another today; what an older manifest does not say is not asked.

    ``now``: what a manifest would say today. Tables are compared where the same engine took both hashes.
    """
    yield from _differing("model", {"sha256": manifest["model"].get("sha256")}, {"sha256": now["model_sha256"]})
    yield from _differing("setting", _of_a_list(manifest.get("setting_hashes")), now["setting_hashes"])
    for name in ("code_version", "playbook_sha256"):
        yield from _differing("made with", {name: manifest.get(name)}, {name: now[name]})
    yield from _differing("library", manifest.get("library_versions"), now["library_versions"])
    others = not_compared(manifest, now)
    stated, there = (_without(part.get(HASHES), others) for part in (manifest, now))
    yield from _differing("input", stated, there)


def not_compared(manifest: Mapping[str, Any], now: Mapping[str, Any]) -> list[str]:
    """The tables whose hashes were taken by another engine, or by another version of it."""
    stated = manifest.get(HASHES) or {}
    return [name for name, told in sorted(now[HASHES].items()) if name in stated and _by(stated[name]) != _by(told)]


def _of_a_list(hashes: Mapping[str, str] | None) -> dict[str, str] | None:
    """Those of the settings that make a list, by their places in the file."""
    if hashes is None:
        return None
    return {place: told for place, told in hashes.items() if place.partition(".")[0] not in MAKE_NO_LIST}


def _by(told: str) -> str:
    """The engine that took a hash."""
    return told.partition(":")[0]


def _without(hashes: Mapping[str, str] | None, names: list[str]) -> dict[str, str] | None:
    return None if hashes is None else {name: told for name, told in hashes.items() if name not in names}


def _differing(kind: str, stated: Mapping[str, Any] | None, there: Mapping[str, Any] | None) -> Differences:
    """One difference for each name that the two do not say alike."""
    if stated is None or there is None or None in stated.values():
        return
    for name in sorted({*stated, *there}):
        before, now = (str(part.get(name, NOT_THERE)) for part in (stated, there))
        if before != now:
            yield Difference("(all)", f"{kind} {name}", before, now)
