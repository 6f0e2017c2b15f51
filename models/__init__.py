"""From feature rows to a propensity: splits, baselines, training, calibration, metrics, registry and scoring."""
