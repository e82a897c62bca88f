"""The product against a real control plane on loopback, and against real dumps (`make real`)."""
