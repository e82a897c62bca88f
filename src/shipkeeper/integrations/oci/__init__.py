"""Artefacts in an OCI registry, over its distribution API: no other program is needed to fetch or to publish one."""
