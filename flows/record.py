"""The flow ``record``: ``flows.pipelines.record`` under Prefect."""

from flows.pipelines.record import record as record_pipeline
from flows.run.under_prefect import as_flow

record = as_flow(record_pipeline)
