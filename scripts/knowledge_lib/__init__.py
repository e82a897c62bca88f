"""Generators of the knowledge files: support dates from endoflife.date and a supplement, removals from k8s.io/api."""
