"""Standing gates as pure decisions: what people agreed, said and forbade about a time. ``app/standing.py`` asks."""
