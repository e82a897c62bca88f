"""Readiness: does it run normally, is it sized, and does it have what goes with being live."""
