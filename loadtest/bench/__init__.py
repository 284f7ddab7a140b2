"""The shop beside its baselines: ratios with intervals, measured alternately in one run."""
