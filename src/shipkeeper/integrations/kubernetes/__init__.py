"""A thin, typed Kubernetes client: kubeconfig to ``ClusterApi``, over httpx2 and msgspec.

``connect`` gives a ``Connection``: its ``cluster`` is the port that execution uses, its ``source`` what a survey
reads with. Names are imported from their modules, so that a command that needs no cluster loads no HTTP library.
"""
