"""The flow ``backtest``: ``flows.pipelines.backtest`` under Prefect."""

from flows.pipelines.backtest import backtest as backtest_pipeline
from flows.run.under_prefect import as_flow

backtest = as_flow(backtest_pipeline)
