"""What runs on top of Kubernetes: kinds that CRDs bring, and Helm's own records.

Each kind is read whatever version of it is served: only fields that all versions share are decoded, and each may be
missing. Not installed, not allowed and not readable are told apart by the caller.
"""
