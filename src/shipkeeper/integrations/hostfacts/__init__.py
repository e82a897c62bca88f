"""Facts of nodes' operating systems, as people gather them: Ansible's fact cache, or the small format of our own."""

from __future__ import annotations

from shipkeeper.integrations.hostfacts.read import Gathered, read_facts

__all__ = ["Gathered", "read_facts"]
