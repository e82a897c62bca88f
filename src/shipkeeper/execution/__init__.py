"""The durable step machine: lease, gates, drain, reboot, stop-safe points. One code for rehearsal and for real.

``run.carry_out`` is the way in. Every step observes, decides, acts and verifies; an intent is on record before its
effect, the outcome after it. The rules are in ``docs/concepts/drain.md`` and ``docs/concepts/stopping.md``.
"""
