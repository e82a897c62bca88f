"""Facts as dated data, each with its source: the default maintenance schedule and what its cadences mean."""
