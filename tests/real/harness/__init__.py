"""What the real suites share: the product as a user calls it, its shipped rights, a platform file, the comparison.

The product is driven as subprocesses. Only the oracle (`tests.real.plane`) reads the cluster for the tests.
"""
