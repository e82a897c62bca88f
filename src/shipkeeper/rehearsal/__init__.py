"""Plays a plan on the twin, many nights by many seeds, and says what to expect. The executor runs there unchanged."""
