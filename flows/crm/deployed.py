"""The flow ``writeback``: ``flows.crm.pipeline`` under Prefect."""

from flows.crm.pipeline import writeback as writeback_pipeline
from flows.run.under_prefect import as_flow

writeback = as_flow(writeback_pipeline)
