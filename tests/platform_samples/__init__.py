"""A platform that needs maintenance, as API objects: for readers, dumps, and the real control plane alike."""
