"""Telling people: what has to be told of a plan or a window, its texts, its sending, and what came of it."""
