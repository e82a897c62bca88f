"""The Kubernetes rules as pure functions, written once: check, planner, executor and twin all ask these.

Where minors of Kubernetes differ, the minor is an argument. No I/O, no clock, no randomness.
"""
