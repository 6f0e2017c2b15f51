"""Exact SHAP values of a LightGBM model, fast."""
