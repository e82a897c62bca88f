"""Checklists: every line of the maintenance pages has its box, on every cluster, and a box that is not well holds."""
