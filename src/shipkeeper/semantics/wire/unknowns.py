"""What stays unknown about a maintenance when objects of a kind could not be read."""

from __future__ import annotations

UNKNOWN_WITHOUT: dict[str, str] = {
    "nodes": "which nodes there are, their room, taints and health",
    "pods": "what runs where, and so everything that a drain does",
    "deployments": "replica counts behind budgets, and whether Deployments are well",
    "replicasets": "which Deployment a pod belongs to, and replica counts behind budgets",
    "statefulsets": "replica counts behind budgets, and whether StatefulSets are well",
    "daemonsets": "whether the pods of every node come back after a reboot",
    "jobs": "what work is lost when a Job's pod is evicted",
    "cronjobs": "what starts by itself during the window",
    "replicationcontrollers": "replica counts behind budgets of ReplicationControllers",
    "poddisruptionbudgets": "which evictions will be refused",
    "persistentvolumeclaims": "where pods with claims can start again",
    "persistentvolumes": "which zone or node a volume confines its pod to",
    "volumeattachments": "whether volumes are still attached to a node",
    "csinodes": "which storage drivers a node has, and how many volumes it takes",
    "storageclasses": "when and where new volumes are made",
    "priorityclasses": "which pods may push out others",
    "resourcequotas": "whether a quota refuses replacement pods",
    "limitranges": "what a namespace requests for containers that ask for nothing",
    "validatingwebhookconfigurations": "whether a webhook refuses evictions or new pods",
    "mutatingwebhookconfigurations": "whether a webhook refuses or changes new pods",
    "apiservices": "which APIs go away with a node",
    "services": "which Services lose what is behind them",
    "endpointslices": "which Services lose what is behind them",
    "horizontalpodautoscalers": "whether replica counts change by themselves during the window",
    "leases": "who holds leader elections, and whether another run is going on",
    "namespaces": "namespaces that are being deleted, and the labels webhooks select by",
    "events": "how long starts and stops took here; durations are assumed, not measured",
}
"""By plural resource name, as in ``READERS``."""
