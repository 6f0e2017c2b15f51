"""The flow ``train``: ``flows.pipelines.train`` under Prefect."""

from flows.pipelines.train import train as train_pipeline
from flows.run.under_prefect import as_flow

train = as_flow(train_pipeline)
