"""Couriers: one module a kind of channel. Each says what it knows of a delivery, and no more than that."""
