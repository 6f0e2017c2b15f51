"""The flow ``demo``: ``flows.pipelines.demo`` under Prefect."""

from flows.pipelines.demo import demo as demo_pipeline
from flows.run.under_prefect import as_flow

demo = as_flow(demo_pipeline)
