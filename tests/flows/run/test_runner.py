"""Stages and pipelines without Prefect: they are the functions they decorate, and another runner may take them over."""

from collections.abc import Callable

import pytest

from flows.pipelines import backtest, demo, record, train
from flows.run.progress import say
from flows.run.runner import P, Pipeline, R, Runner, Stage, each, pipeline, running, stage
from flows.stages import base, history, scoring


@stage("double", retries=3)
def double(number: int) -> int:
    say(f"twice {number}")
    return 2 * number


@pipeline("sum of doubles")
def sum_of_doubles(*numbers: int) -> int:
    return sum(double(number) for number in numbers)


class Noted(Runner):
    """Notes what it was asked to run and to keep."""

    def __init__(self) -> None:
        self.ran: list[str] = []
        self.told: list[str] = []

    def stage(self, stage: Stage[P, R]) -> Callable[P, R]:
        self.ran.append(stage.name)
        return stage.body

    def pipeline(self, pipeline: Pipeline[P, R]) -> Callable[P, R]:
        self.ran.append(pipeline.name)
        return pipeline.body

    def tell(self, line: str) -> None:
        self.told.append(line)


def test_called_plainly_a_pipeline_is_its_function(capsys: pytest.CaptureFixture[str]) -> None:
    assert sum_of_doubles(1, 2) == 6  # 2 + 4
    assert [line.split("s  ")[1] for line in capsys.readouterr().err.splitlines()] == ["twice 1", "twice 2"]


def test_a_stage_that_fails_in_the_process_is_not_tried_again() -> None:
    tries = []

    @stage("fail", retries=3)
    def fail() -> None:
        tries.append(1)
        raise ConnectionError

    with pytest.raises(ConnectionError):
        fail()
    assert len(tries) == 1


def test_what_is_made_one_after_the_other_is_a_stage_each() -> None:
    noted = Noted()
    with running(noted):
        assert list(each("make one", iter("abc"))) == ["a", "b", "c"]
    assert noted.ran == ["make one"] * 4  # the fourth finds that there is no more


def test_a_runner_takes_over_what_is_called_within() -> None:
    noted = Noted()
    with running(noted):
        assert sum_of_doubles(1, 2) == 6
    assert noted.ran == ["sum of doubles", "double", "double"]
    assert noted.told == ["twice 1", "twice 2"]
    sum_of_doubles(3)
    assert len(noted.ran) == 3, "after it, this process runs them again"


def test_only_what_reads_a_source_or_writes_to_a_sink_is_tried_again() -> None:
    modules = (base, history, scoring, train, backtest, demo, record)
    stages = {value.name: value for module in modules for value in vars(module).values() if isinstance(value, Stage)}
    assert {name for name, stage in stages.items() if stage.retries} == {
        "base known before the day",
        "champion",
        "record the day",
        "register",
        "refuse",
        "store the rule",
        "write backtest",
        "write pages",
    }
    assert {"fit", "evaluate", "decide", "score and explain", "rank and publish"} <= set(stages), "the others"
