"""Shared settings: deterministic Hypothesis profiles, and no terminal whose width or colours leak into tables."""

from __future__ import annotations

import os

from hypothesis import HealthCheck, settings

for variable in ("COLUMNS", "LINES", "FORCE_COLOR", "NO_COLOR"):
    os.environ.pop(variable, None)

settings.register_profile(
    "fast", max_examples=40, deadline=None, derandomize=True, suppress_health_check=[HealthCheck.too_slow]
)
settings.register_profile("nightly", max_examples=1_000, deadline=None)
settings.load_profile(os.environ.get("HYPOTHESIS_PROFILE", "fast"))
