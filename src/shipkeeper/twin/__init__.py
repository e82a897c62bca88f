"""The cluster in virtual time: API objects, controllers, scheduler, kubelet. Implements ClusterApi, Reboot and Clock."""
