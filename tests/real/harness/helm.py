"""The real `helm` on a plane, and charts made on the spot."""

from __future__ import annotations

import os
import subprocess
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

from tests.real.harness.platform_objects import parts

CANARY = "canary-real-helm-93be"
DEPLOYMENT = """\
apiVersion: apps/v1
kind: Deployment
metadata:
  name: {{ .Release.Name }}
  labels:
    app.kubernetes.io/name: {{ .Chart.Name }}
    app.kubernetes.io/version: {{ .Chart.AppVersion | quote }}
    app.kubernetes.io/managed-by: {{ .Release.Service }}
    helm.sh/chart: {{ .Chart.Name }}-{{ .Chart.Version }}
spec:
  replicas: {{ .Values.replicas }}
  selector:
    matchLabels: {app: {{ .Release.Name }}}
  template:
    metadata:
      labels: {app: {{ .Release.Name }}}
    spec:
      {{- with .Values.nodeSelector }}
      nodeSelector: {{ toYaml . | nindent 8 }}
      {{- end }}
      containers:
      - name: main
        image: {{ .Values.image }}
        env:
        - {name: PASSWORD, value: {{ .Values.password | quote }}}
"""
SECRET = """\
apiVersion: v1
kind: Secret
metadata:
  name: {{ .Release.Name }}
stringData:
  password: {{ .Values.password | quote }}
"""
BROKEN = """\
{{- if .Values.broken }}
apiVersion: v1
kind: Service
metadata:
  name: {{ .Release.Name }}
spec:
  ports:
  - port: 99999
{{- end }}
"""


@dataclass(frozen=True)
class Helm:
    """`helm` with one kubeconfig; its own state stays in `folder`."""

    binary: Path
    kubeconfig: Path
    folder: Path

    def environment(self) -> dict[str, str]:
        """Nothing of the caller's helm."""
        kept = {key: value for key, value in os.environ.items() if not key.startswith(("HELM", "KUBE"))}
        homes = {f"HELM_{name}_HOME": str(self.folder / name.lower()) for name in ("CACHE", "CONFIG", "DATA")}
        return {**kept, **homes, "HOME": str(self.folder)}

    def argv(self, *words: str) -> list[str]:
        """The command line."""
        return [str(self.binary), "--kubeconfig", str(self.kubeconfig), *words]

    def call(self, *words: str, fails: bool = False, driver: str = "") -> str:
        """Run it to its end; its output. Fails the test when it ends otherwise than wanted."""
        environment = self.environment() | ({"HELM_DRIVER": driver} if driver else {})
        done = subprocess.run(
            self.argv(*words), env=environment, capture_output=True, text=True, timeout=120, check=False
        )
        assert (done.returncode != 0) is fails, f"$ helm {' '.join(words)}\n{done.stdout}\n{done.stderr}"
        return done.stdout + done.stderr

    def begin(self, *words: str) -> subprocess.Popen[bytes]:
        """Start it; the caller ends it."""
        return subprocess.Popen(
            self.argv(*words), env=self.environment(), stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
        )


def helm(kubeconfig: Path, folder: Path) -> Helm:
    """The real helm. Raises Unavailable where it cannot be had."""
    return Helm(Path(parts()["helm"]), kubeconfig, folder)


def chart(
    folder: Path, name: str, version: str, app_version: str = "", image: str = "registry.example/app:1", **meta: Any
) -> Path:
    """A chart with a Deployment and a Secret, in a folder of its own. `meta`: further keys of Chart.yaml."""
    home = folder / f"{name}-{version}"
    (home / "templates").mkdir(parents=True, exist_ok=True)
    head = {"apiVersion": "v2", "name": name, "version": version, "appVersion": app_version or version, **meta}
    values = {"image": image, "replicas": 1, "password": CANARY, "broken": False, "nodeSelector": {}}
    (home / "Chart.yaml").write_text(yaml.safe_dump(head))
    (home / "values.yaml").write_text(yaml.safe_dump(values))
    for file, text in (("deployment", DEPLOYMENT), ("secret", SECRET), ("service", BROKEN)):
        (home / "templates" / f"{file}.yaml").write_text(text)
    (home / "templates" / "NOTES.txt").write_text("Your password is {{ .Values.password }}\n")
    return home
