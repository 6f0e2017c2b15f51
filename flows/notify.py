"""The flow ``notify``: ``flows.pipelines.notify`` under Prefect."""

from flows.pipelines.notify import notify as notify_pipeline
from flows.run.under_prefect import as_flow

notify = as_flow(notify_pipeline)
