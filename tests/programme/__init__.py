"""Programmes of maintenance."""
