"""The flow ``monitor``: ``flows.pipelines.monitor`` under Prefect."""

from flows.pipelines.monitor import monitor as monitor_pipeline
from flows.run.under_prefect import as_flow

monitor = as_flow(monitor_pipeline)
