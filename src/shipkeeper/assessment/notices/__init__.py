"""Notices as obligations: who has to be told what by when, what has been told, and whether a window may open."""
