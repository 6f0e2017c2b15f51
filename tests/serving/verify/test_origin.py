from typing import Any

import pytest

from serving.verify.origin import check_origin, not_compared

MANIFEST: dict[str, Any] = {
    "model": {"sha256": "m1"},
    "setting_hashes": {"serving.top": "s1", "training.seed": "s2"},
    "code_version": "1.0",
    "playbook_sha256": "p1",
    "library_versions": {"duckdb": "1.5.0"},
    "input_hashes": {"tickets": "duckdb 1.5.0: 3 rows, a1", "users": "duckdb 1.5.0: 9 rows, b2"},
}
NOW = {**MANIFEST, "model_sha256": "m1"}


def changed(**entries: Any) -> list[str]:
    return [difference.where for difference in check_origin(MANIFEST, NOW | entries)]


@pytest.mark.parametrize(
    ("entries", "named"),
    [
        ({}, []),
        ({"model_sha256": "m2"}, ["model sha256"]),
        ({"setting_hashes": {"serving.top": "s3", "training.seed": "s2"}}, ["setting serving.top"]),
        ({"setting_hashes": {"training.seed": "s2", "new": "s4"}}, ["setting new", "setting serving.top"]),
        ({"code_version": "1.1"}, ["made with code_version"]),
        ({"playbook_sha256": "p2"}, ["made with playbook_sha256"]),
        ({"library_versions": {"duckdb": "1.5.1"}}, ["library duckdb"]),
        ({"input_hashes": MANIFEST["input_hashes"] | {"tickets": "duckdb 1.5.0: 3 rows, a2"}}, ["input tickets"]),
        ({"input_hashes": {"tickets": MANIFEST["input_hashes"]["tickets"]}}, ["input users"]),
    ],
)
def test_what_changed_is_named(entries: dict[str, Any], named: list[str]) -> None:
    assert changed(**entries) == named


def test_hashes_of_another_engine_are_not_compared() -> None:
    now = NOW | {"input_hashes": {**MANIFEST["input_hashes"], "users": "postgres 16.4: 9 rows, c3"}}
    assert not_compared(MANIFEST, now) == ["users"]
    assert list(check_origin(MANIFEST, now)) == []


def test_settings_that_make_no_list_are_passed_over_where_an_older_manifest_has_them() -> None:
    people = {"serve.people.ada@example.com.role": "s5", "notify.to.Ada.slack": "s6", "reports": "s7"}
    older = MANIFEST | {"setting_hashes": MANIFEST["setting_hashes"] | people | {"serving.gone": "s8"}}
    assert [difference.where for difference in check_origin(older, NOW)] == ["setting serving.gone"]


def test_what_an_older_manifest_does_not_say_is_not_asked() -> None:
    older = {"model": {}, "code_version": "1.0", "playbook_sha256": "p1", "library_versions": {"duckdb": "1.5.0"}}
    assert list(check_origin(older, NOW)) == []
