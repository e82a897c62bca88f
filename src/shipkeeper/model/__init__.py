"""The vocabulary: frozen values that every other package speaks in. No I/O, no clock, no randomness.

Units: times are integer milliseconds since the Unix epoch (UTC) and end in ``_ms``; durations are
integer milliseconds and end in ``_ms``; CPU is in millicores, memory and storage in bytes, any other
resource in its own integer unit.
"""
