"""A real Kubernetes cluster for tests: a host with the control plane and an engine, and nodes with a kubelet."""

from tests.cluster.cluster import Cluster, start

__all__ = ["Cluster", "start"]
