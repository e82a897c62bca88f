"""A first platform file."""
