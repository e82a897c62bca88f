"""Protocols the core needs from the world. Whatever implements one is handed in by ``app``."""
