"""Rebooting by a person."""
