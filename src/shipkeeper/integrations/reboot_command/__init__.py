"""Rebooting by a command of the team's own."""
