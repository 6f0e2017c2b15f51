"""The deployments of prefect.yaml, as Prefect reads them: flows that are there, parameters that they take, limits."""

import ast
from typing import Any

import pytest
import yaml

from tests import house

DEPLOYMENTS: dict[str, dict[str, Any]] = {
    deployment["name"]: deployment
    for deployment in yaml.safe_load((house.ROOT / "prefect.yaml").read_text(encoding="utf-8"))["deployments"]
}
SCHEDULES = {
    "record-daily": ("0 2 * * *", True),
    "retrain-monthly": ("0 3 2 * *", True),
    "score-weekly": ("0 5 * * 1", True),
    "monitor-weekly": ("0 6 * * 1", True),
    "writeback-weekly": ("30 6 * * 1", False),
    "notify-daily": ("0 7 * * *", True),
}


APART = {"writeback": "flows.crm.pipeline"}
"""Where a pipeline is, if not among the others."""


def parameters_of(pipeline: str) -> set[str]:
    """Those of the function that the flow is made of; a test of the flows compares the two."""
    module = APART.get(pipeline, f"flows.pipelines.{pipeline}")
    tree = ast.parse(house.modules()[module].read_text(encoding="utf-8"))
    (function,) = (node for node in tree.body if isinstance(node, ast.FunctionDef) and node.name == pipeline)
    return {argument.arg for argument in function.args.args}


def test_what_is_scheduled_and_when() -> None:
    told = {
        name: (deployment["schedules"][0]["cron"], deployment["schedules"][0].get("active", True))
        for name, deployment in DEPLOYMENTS.items()
    }
    assert told == SCHEDULES


@pytest.mark.parametrize("name", DEPLOYMENTS)
def test_a_deployment_leads_to_a_flow_with_these_parameters_and_is_bounded(name: str) -> None:
    deployment = DEPLOYMENTS[name]
    path, flow = deployment["entrypoint"].split(":")
    assert (house.ROOT / path).exists()
    assert deployment["parameters"].keys() == parameters_of(flow), "all of them, so that each can be seen and changed"
    assert deployment["tags"] == ["headroom", flow]
    assert deployment["concurrency_limit"] == {
        "limit": 1,
        "collision_strategy": "ENQUEUE",
        "grace_period_seconds": 300,
    }
    environment = deployment["work_pool"]["job_variables"]["env"]
    assert float(environment["HEADROOM_MOST_HOURS"]) > 0
    assert environment["DO_NOT_TRACK"] == "true"
