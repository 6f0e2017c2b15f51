"""What the flows do: train, score, backtest, demo, as plain functions that need no Prefect."""
