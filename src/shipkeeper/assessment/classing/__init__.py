"""Classes of change: what a change breaks, for whom, and whether it can wait. Pure functions over what was read."""
