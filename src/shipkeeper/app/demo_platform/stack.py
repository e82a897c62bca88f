"""The platform's own components: network, storage, ingress, certificates, monitoring, logging, databases, delivery,
security. Some of them are configured as one finds them.
"""

from __future__ import annotations

from shipkeeper.app.demo_platform.parts import ONE, App, Owner

CNPG = Owner("postgresql.cnpg.io/v1", "Cluster")

DAEMONS = (
    App("kube-system", "cilium", kind="DaemonSet", pool="all", cpu="100m", memory="256Mi", ready=(14, 26),
        image="quay.io/cilium/cilium", version="1.19.4", priority="system-node-critical", host_network=True, grace=5),
    App("kube-system", "csi-volume-node", kind="DaemonSet", pool="all", cpu="20m", memory="64Mi", ready=(6, 12),
        image="registry.example.net/csi/volume-node", version="2.4.1", priority="system-node-critical"),
    App("monitoring", "node-exporter", kind="DaemonSet", pool="all", cpu="30m", memory="48Mi", ready=(3, 6),
        image="quay.io/prometheus/node-exporter", version="1.10.2", host_network=True),
    App("falco", "falco", kind="DaemonSet", pool="all", cpu="100m", memory="384Mi", ready=(18, 34),
        image="docker.io/falcosecurity/falco", version="0.43.1", priority="platform-critical"),
    App("logging", "fluent-bit", kind="DaemonSet", pool="all", cpu="50m", memory="96Mi", ready=(4, 9),
        image="docker.io/fluent/fluent-bit", version="5.1.0"),
)  # fmt: skip

SYSTEM = (
    App("kube-system", "coredns", 3, pool="platform", cpu="100m", memory="70Mi", budgets=(ONE,), spread="zone", ready=(3, 7),
        image="registry.k8s.io/coredns/coredns", version="1.14.3", priority="system-cluster-critical"),
    App("kube-system", "metrics-server", 2, pool="platform", budgets=(ONE,), ready=(20, 28), spread="zone",
        image="registry.k8s.io/metrics-server/metrics-server", version="0.9.0", priority="system-cluster-critical"),
    App("kube-system", "cilium-operator", 2, pool="platform", apart=True, ready=(4, 9), service=False,
        image="quay.io/cilium/operator-generic", version="1.19.4", priority="system-cluster-critical"),
    App("kube-system", "csi-volume-controller", 2, pool="platform", spread="zone", ready=(8, 15), service=False,
        image="registry.example.net/csi/volume-controller", version="2.4.1", priority="system-cluster-critical"),
    # One controller on each edge node and a hard spread over hostnames: with a node away its pod has nowhere to go.
    App("ingress-nginx", "ingress-nginx-controller", 3, pool="edge", cpu="500m", memory="512Mi", budgets=(ONE,),
        spread="hostname", ready=(11, 19), grace=60, pre_stop=True, priority="platform-critical",
        image="registry.k8s.io/ingress-nginx/controller", version="1.15.1"),
    App("cert-manager", "cert-manager", 2, pool="platform", ready=(4, 8), image="quay.io/jetstack/cert-manager-controller",
        version="1.21.0"),
    App("cert-manager", "cert-manager-webhook", 2, pool="platform", budgets=(ONE,), ready=(4, 8), spread="zone",
        image="quay.io/jetstack/cert-manager-webhook", version="1.21.0"),
    App("cert-manager", "cert-manager-cainjector", 1, pool="platform", ready=(4, 8), service=False,
        image="quay.io/jetstack/cert-manager-cainjector", version="1.21.0"),
)  # fmt: skip

MONITORING = (
    # Both replicas on one node: alerting is blind while it is away.
    App("monitoring", "prometheus", 2, "StatefulSet", pool="platform", cpu="1", memory="6Gi", storage="120Gi", ready=(55, 110),
        grace=600, budgets=(ONE,), on=("z1-platform-1", "z1-platform-1"), priority="platform-critical",
        image="quay.io/prometheus/prometheus", version="3.13.1"),
    App("monitoring", "alertmanager", 3, "StatefulSet", pool="platform", budgets=(ONE,), apart=True, ready=(7, 13),
        storage="5Gi", priority="platform-critical", image="quay.io/prometheus/alertmanager", version="0.33.1"),
    App("monitoring", "grafana", 1, pool="platform", memory="512Mi", scratch=True, ready=(14, 24),
        image="docker.io/grafana/grafana", version="13.1.2"),
    App("monitoring", "kube-state-metrics", 1, pool="platform", ready=(3, 7),
        image="registry.k8s.io/kube-state-metrics/kube-state-metrics", version="2.17.0"),
    App("monitoring", "prometheus-operator", 1, pool="platform", ready=(5, 9),
        image="quay.io/prometheus-operator/prometheus-operator", version="0.92.1"),
    App("monitoring", "blackbox-exporter", 2, ready=(3, 6), spread="zone", image="quay.io/prometheus/blackbox-exporter",
        version="0.27.0"),
    App("logging", "opensearch-manager", 3, "StatefulSet", pool="data", cpu="500m", memory="2Gi", storage="20Gi",
        budgets=(ONE,), apart=True, ready=(38, 70), grace=120, image="docker.io/opensearchproject/opensearch",
        version="3.3.1"),
    App("logging", "opensearch-data", 3, "StatefulSet", pool="data", cpu="1", memory="8Gi", storage="400Gi", budgets=(ONE,),
        apart=True, ready=(62, 130), grace=120, image="docker.io/opensearchproject/opensearch", version="3.3.1"),
    App("logging", "opensearch-dashboards", 1, pool="platform", memory="1Gi", ready=(34, 60),
        image="docker.io/opensearchproject/opensearch-dashboards", version="3.3.0"),
)  # fmt: skip

DATABASES = (
    App("databases", "cnpg-controller-manager", 1, pool="platform", ready=(6, 12), image="ghcr.io/cloudnative-pg/cloudnative-pg",
        version="1.30.0"),
    App("keycloak", "keycloak-pg", 3, "Cluster", pool="data", cpu="500m", memory="2Gi", storage="20Gi", owner=CNPG,
        ready=(14, 30), grace=1800, image="ghcr.io/cloudnative-pg/postgresql", version="17.10"),
    App("harbor", "harbor-pg", 3, "Cluster", pool="data", cpu="500m", memory="2Gi", storage="40Gi", owner=CNPG, ready=(14, 30),
        grace=1800, image="ghcr.io/cloudnative-pg/postgresql", version="17.10"),
    App("team-shop", "shop-pg", 3, "Cluster", pool="data", cpu="2", memory="8Gi", storage="200Gi", owner=CNPG, ready=(18, 40),
        grace=1800, image="ghcr.io/cloudnative-pg/postgresql", version="17.10"),
    App("databases", "rabbitmq-server", 3, "StatefulSet", pool="data", cpu="500m", memory="2Gi", storage="20Gi",
        budgets=(ONE,), apart=True, ready=(26, 48), grace=600, image="docker.io/library/rabbitmq", version="4.3.2"),
    App("keycloak", "keycloak", 2, "StatefulSet", pool="platform", cpu="500m", memory="1500Mi", budgets=(ONE,), spread="zone",
        ready=(48, 95), image="quay.io/keycloak/keycloak", version="26.7.0"),
)  # fmt: skip

DELIVERY = (
    App("harbor", "harbor-core", 2, pool="platform", budgets=(ONE,), ready=(18, 33), spread="zone",
        image="docker.io/goharbor/harbor-core", version="2.14.3"),
    App("harbor", "harbor-jobservice", 2, pool="platform", ready=(12, 22), image="docker.io/goharbor/harbor-jobservice",
        version="2.14.3"),
    App("harbor", "harbor-portal", 2, pool="platform", ready=(3, 7), image="docker.io/goharbor/harbor-portal", version="2.14.3"),
    App("harbor", "harbor-registry", 2, pool="platform", budgets=(ONE,), ready=(5, 10), spread="zone",
        image="docker.io/goharbor/registry-photon", version="2.14.3"),
    App("flux-system", "source-controller", 1, pool="platform", scratch=True, ready=(4, 8),
        image="ghcr.io/fluxcd/source-controller", version="1.7.3"),
    App("flux-system", "kustomize-controller", 1, pool="platform", scratch=True, ready=(4, 8), service=False,
        image="ghcr.io/fluxcd/kustomize-controller", version="1.7.2"),
    App("flux-system", "helm-controller", 1, pool="platform", scratch=True, ready=(4, 8), service=False,
        image="ghcr.io/fluxcd/helm-controller", version="1.4.3"),
    App("flux-system", "notification-controller", 1, pool="platform", ready=(4, 8),
        image="ghcr.io/fluxcd/notification-controller", version="1.7.4"),
    App("velero", "velero", 1, pool="platform", scratch=True, ready=(9, 15), grace=3600, service=False,
        image="docker.io/velero/velero", version="1.17.2"),
)  # fmt: skip

SECURITY = (
    # Every new pod is asked about, nothing is let through without an answer, and there is one to answer.
    App("kyverno", "kyverno-admission-controller", 1, pool="platform", cpu="200m", ready=(16, 31), priority="platform-critical",
        image="ghcr.io/kyverno/kyverno", version="1.17.2"),
    App("kyverno", "kyverno-background-controller", 1, pool="platform", ready=(9, 16),
        image="ghcr.io/kyverno/background-controller", version="1.17.2"),
    App("kyverno", "kyverno-reports-controller", 1, pool="platform", ready=(9, 16), image="ghcr.io/kyverno/reports-controller",
        version="1.17.2"),
    App("kyverno", "kyverno-cleanup-controller", 1, pool="platform", ready=(9, 16), image="ghcr.io/kyverno/cleanup-controller",
        version="1.17.2"),
    App("falco", "falcosidekick", 2, pool="platform", ready=(3, 6), image="docker.io/falcosecurity/falcosidekick",
        version="2.32.0"),
    App("trivy-system", "trivy-operator", 1, pool="platform", memory="512Mi", scratch=True, ready=(12, 20),
        image="ghcr.io/aquasecurity/trivy-operator", version="0.31.2"),
)  # fmt: skip

IDENTITY = (
    App("keycloak", "keycloak-operator", 1, pool="platform", ready=(18, 31), image="quay.io/keycloak/keycloak-operator",
        version="26.7.0", service=False),
)  # fmt: skip

STACK = (*SYSTEM, *MONITORING, *DATABASES, *DELIVERY, *SECURITY, *IDENTITY)
