"""The flow ``score``: ``flows.pipelines.score`` under Prefect."""

from flows.pipelines.score import score as score_pipeline
from flows.run.under_prefect import as_flow

score = as_flow(score_pipeline)
