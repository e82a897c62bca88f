"""The real control plane for the tests that need one, and what runs on it.

- `plane.py`: start and stop a plane (`scripts/controlplane`), mint users, reset it.
- `cluster.py`: nodes in zones and workloads of every kind, with exact times.
- `reboot.py`: the test's reboot driver, also a command for a platform file.
- `observer.py`: samples availability by its own client.
- `waits.py`: waiting for conditions. `api.py`: the client under all of it.

Nothing here imports shipkeeper: it is the oracle.
"""
