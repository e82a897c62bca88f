"""A throw-away Kubernetes control plane on loopback, for tests and for use by hand.

Standard library only, so that it runs before anything is installed. `scripts/controlplane` is the
entry point; see `cli.py` for the verbs.
"""
