"""What the real tests put on a plane: the `helm` binary, and the CRDs that operators really ship.

CRDs come out of published Go modules, at the versions of a platform that was current some time ago. Flux publishes the
types of its newer CRDs only, so those are generated from them, as its own build does. What no module holds (Keycloak,
Tracee, CloudNativePG's backup plugin) lies in `tests/real/crds`, written after the documented schema.
"""

from __future__ import annotations

import hashlib
import json
import shutil
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

from . import cache, gobuild
from .errors import BuildFailed, Unavailable
from .versions import Component

HELM = Component("helm", "v4.3.1")
CONTROLLER_TOOLS = "v0.17.3"


@dataclass(frozen=True)
class Module:
    """CRD files in a module: those that match `pattern` in the folder `inside`."""

    family: str
    path: str
    version: str
    inside: str
    pattern: str = "*.yaml"


MODULES = (
    Module("kyverno", "github.com/kyverno/kyverno", "v1.12.5", "config/crds/kyverno"),
    Module("velero", "github.com/vmware-tanzu/velero", "v1.16.2", "config/crd/v1/bases"),
    Module("cert-manager", "github.com/cert-manager/cert-manager", "v1.18.2", "deploy/crds", "crd-*.yaml"),
    Module("cnpg", "github.com/cloudnative-pg/cloudnative-pg", "v1.26.0", "config/crd/bases", "postgresql*.yaml"),
    Module("trivy-operator", "github.com/aquasecurity/trivy-operator", "v0.22.0", "deploy/helm/crds"),
    Module("gateway-api", "sigs.k8s.io/gateway-api", "v1.3.0", "config/crd/standard", "gateway.*.yaml"),
    Module(
        "prometheus-operator",
        "github.com/prometheus-operator/prometheus-operator",
        "v0.83.0",
        "example/prometheus-operator-crd",
        "monitoring.*.yaml",
    ),
)
FLUX = {
    "github.com/fluxcd/helm-controller/api": ("v1.3.0", ("v2", "v2beta1", "v2beta2")),
    "github.com/fluxcd/kustomize-controller/api": ("v1.6.1", ("v1", "v1beta1", "v1beta2")),
    "github.com/fluxcd/source-controller/api": ("v1.6.2", ("v1", "v1beta1", "v1beta2")),
}
"""Flux 2.6: module → its version, and its packages of types."""


def helm() -> Path:
    """The `helm` binary, built where it is not in the cache. Raises Unavailable or BuildFailed."""
    found = cache.binary(HELM)
    if found is not None:
        return found
    with cache.lock():
        found = cache.binary(HELM)
        if found is None:
            with cache.workspace() as folder:
                found = cache.place(HELM, gobuild.build_helm(HELM, folder), "modules")
    return found


def crds() -> Path:
    """The folder of CRDs, a folder a family. Raises Unavailable or BuildFailed."""
    found = crds_present()
    if found is not None:
        return found
    with cache.lock():
        found = crds_present()
        if found is None:
            with cache.workspace() as folder:
                found = _collect(folder)
    return found


def crds_present() -> Path | None:
    """The folder of CRDs of exactly these versions, if it was made."""
    folder = _crds_folder()
    return folder if (folder / cache.RECORD).is_file() else None


def _pins() -> dict[str, str]:
    pins = {module.path: module.version for module in MODULES}
    return {**pins, **{path: version for path, (version, _) in FLUX.items()}, "controller-tools": CONTROLLER_TOOLS}


def _crds_folder() -> Path:
    digest = hashlib.sha256(json.dumps(_pins(), sort_keys=True).encode()).hexdigest()[:12]
    return cache.root() / f"platform-crds-{digest}"


def _collect(folder: Path) -> Path:
    made = cache.partial()
    try:
        for module in MODULES:
            print(f"collecting CRDs of {module.family} {module.version}", file=sys.stderr, flush=True)
            sources = gobuild.module_folder(module.path, module.version, folder)
            files = sorted((sources / module.inside).glob(module.pattern))
            if not files:
                raise BuildFailed(f"{module.path}@{module.version} has no {module.inside}/{module.pattern}")
            target = made / module.family
            target.mkdir()
            for file in files:
                shutil.copyfile(file, target / file.name)
        _generate(folder, made / "flux")
        (made / cache.RECORD).write_text(json.dumps(_pins(), indent=1) + "\n")
        made.chmod(0o755)
        final = _crds_folder()
        if final.exists():
            shutil.rmtree(final)
        made.rename(final)
    except BaseException:
        shutil.rmtree(made, ignore_errors=True)
        raise
    return final


def _generate(folder: Path, target: Path) -> None:
    """CRDs of Flux, from its published types."""
    print("generating CRDs of Flux from its types", file=sys.stderr, flush=True)
    modules = {path: version for path, (version, _) in FLUX.items()}
    packages = [f"{path}/{name}" for path, (_, names) in FLUX.items() for name in names]
    generator = gobuild.build_controller_gen(CONTROLLER_TOOLS, modules, packages, folder)
    target.mkdir()
    paths = [f"paths={package}" for package in packages]
    done = subprocess.run(
        [str(generator), "crd", *paths, f"output:crd:dir={target}"],
        cwd=folder,
        env=gobuild.environment(),
        capture_output=True,
        text=True,
        check=False,
    )
    if done.returncode or not list(target.glob("*.yaml")):
        raise BuildFailed(f"controller-gen failed:\n{done.stderr[-2000:]}")


def missing() -> list[str]:
    """What would have to be made."""
    found = [] if cache.binary(HELM) else [HELM.key]
    return found + ([] if crds_present() else ["platform CRDs"])


__all__ = ["HELM", "Unavailable", "crds", "crds_present", "helm", "missing"]
