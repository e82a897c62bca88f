"""Builds from published Go modules.

Each build gets a `go.mod` of its own. Kubernetes' own `go.mod` points its staging modules at local
folders, which is why `go install` refuses it: ours replaces each module that it requires at exactly
v0.0.0 by the published one of the same minor and patch.
"""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

from .errors import BuildFailed, Unavailable
from .versions import Component

# Words in go's output that mean "cannot be had here", not "does not build".
_NOT_TO_BE_HAD = (
    "dial tcp",
    "no such host",
    "i/o timeout",
    "connection refused",
    "network is unreachable",
    "tls handshake timeout",
    "proxyconnect",
    "goproxy=off",
    "goproxy list is not the empty string",
    "requires go >=",
    "requires newer go",
)
_TAIL_LINES = 15
_FETCHES_TOOLCHAINS = (1, 21, 0)


def environment() -> dict[str, str]:
    """Go's environment for every build here: for this machine, whatever the caller builds for, and with modules."""
    cores = os.cpu_count() or 1
    flags = f"{os.environ.get('GOFLAGS', '')} -p={min(cores, 4)}".strip()
    own = {key: value for key, value in os.environ.items() if key not in ("GOOS", "GOARCH")}
    return own | {"GOFLAGS": flags, "CGO_ENABLED": "0", "GOWORK": "off", "GO111MODULE": "on"}


def _go(argv: list[str], folder: Path) -> str:
    """Run go; its stdout. Raises Unavailable or BuildFailed with the last lines of its output."""
    if shutil.which("go") is None:
        raise Unavailable("no go command on PATH to build from modules")
    done = subprocess.run(["go", *argv], cwd=folder, env=environment(), capture_output=True, text=True, check=False)
    if done.returncode == 0:
        return done.stdout
    output = [line for line in (done.stderr + _error_of(done.stdout)).splitlines() if line.strip()]
    shown = [line for line in output if not line.startswith("go: downloading")][-_TAIL_LINES:]
    text = "\n".join(shown) or f"go ended with code {done.returncode}"
    lowered = text.lower()
    if any(sign in lowered for sign in _NOT_TO_BE_HAD):
        raise Unavailable(f"go {argv[0]}: {shown[-1] if shown else text}")
    raise BuildFailed(f"go {' '.join(argv[:2])} failed in {folder}:\n{text}")


def _error_of(stdout: str) -> str:
    """What a failed command wrote to stdout; with ``-json`` go tells its error as a field there."""
    try:
        return str(json.loads(stdout)["Error"])
    except (ValueError, KeyError, TypeError):
        return stdout


def _go_here(folder: Path) -> tuple[tuple[int, ...], bool]:
    """The version of Go, and whether it may fetch a newer toolchain by itself (Go 1.21 and later, where it is let)."""
    told = _go(["env", "GOVERSION", "GOTOOLCHAIN"], folder).splitlines()
    found = re.search(r"go(\d+)\.(\d+)(?:\.(\d+))?", told[0] if told else "")
    have = tuple(int(number or 0) for number in found.groups()) if found else (0, 0, 0)
    chosen = told[1].strip() if len(told) > 1 else ""
    return have, have >= _FETCHES_TOOLCHAINS and chosen.endswith("auto")


def _go_mod(path: str, version: str, folder: Path) -> tuple[str, Path]:
    """A published module's `go.mod` text and the folder of its sources."""
    found = json.loads(_go(["mod", "download", "-json", f"{path}@{version}"], folder))
    return Path(found["GoMod"]).read_text(), Path(found["Dir"])


def _required_go(go_mod: str, module: str, folder: Path) -> str:
    found = re.search(r"^go (\S+)", go_mod, re.MULTILINE)
    wanted = found[1] if found else "1.21"
    have, fetches = _go_here(folder)
    if have < _as_numbers(wanted) and not fetches:
        shown = ".".join(str(part) for part in have)
        other = ", or set GOTOOLCHAIN=auto so that it fetches one" if have >= _FETCHES_TOOLCHAINS else ""
        raise Unavailable(f"{module} needs go {wanted} or later, here is {shown}: install a newer one{other}")
    return wanted


def _write_go_mod(folder: Path, go: str, require: str, replaces: list[str], tools: list[str]) -> None:
    lines = ["module shipkeeper.test/controlplane", "", f"go {go}", "", f"require {require}", ""]
    if replaces:
        lines += ["replace (", *(f"\t{line}" for line in replaces), ")", ""]
    lines += ["tool (", *(f"\t{tool}" for tool in tools), ")", ""]
    (folder / "go.mod").write_text("\n".join(lines))


def _compile(folder: Path, ldflags: str, packages: list[str]) -> Path:
    out = folder / "bin"
    out.mkdir()
    _go(["mod", "tidy"], folder)
    _go(["build", "-trimpath", "-ldflags", ldflags, "-o", f"{out}{os.sep}", *packages], folder)
    return out


def build_kubernetes(wanted: list[Component], folder: Path) -> dict[str, Path]:
    """Build Kubernetes' own commands together: they share nearly all packages."""
    version = wanted[0].version
    _, minor, patch = version.split(".")
    print(f"building Kubernetes {version} from modules: minutes", file=sys.stderr, flush=True)
    go_mod, _ = _go_mod("k8s.io/kubernetes", version, folder)
    go = _required_go(go_mod, f"Kubernetes {version}", folder)
    staging = sorted(set(re.findall(r"^\s*(\S+) v0\.0\.0(?:\s|$)", go_mod, re.MULTILINE)))
    replaces = [f"{path} => {path} v0.{minor}.{patch}" for path in staging]
    packages = [f"k8s.io/kubernetes/cmd/{component.name}" for component in wanted]
    _write_go_mod(folder, go, f"k8s.io/kubernetes {version}", replaces, packages)
    stamp = "k8s.io/component-base/version"
    # Without these the server calls itself v0.0.0-master and clients misjudge it.
    ldflags = f"-s -w -X {stamp}.gitVersion={version} -X {stamp}.gitMajor=1 -X {stamp}.gitMinor={minor}"
    out = _compile(folder, ldflags, packages)
    return {component.name: out / component.name for component in wanted}


def build_etcd(component: Component, folder: Path) -> Path:
    """Build etcd; its server module's root package is the command."""
    print(f"building etcd {component.version} from modules", file=sys.stderr, flush=True)
    path = "go.etcd.io/etcd/server/v3"
    go_mod, _ = _go_mod(path, component.version, folder)
    go = _required_go(go_mod, f"etcd {component.version}", folder)
    _write_go_mod(folder, go, f"{path} {component.version}", [], [path])
    out = _compile(folder, "-s -w", [path])
    return next(iter(sorted(out.iterdir())))


def build_helm(component: Component, folder: Path) -> Path:
    """Build helm."""
    print(f"building helm {component.version} from modules: minutes", file=sys.stderr, flush=True)
    path = f"helm.sh/helm/{component.version.partition('.')[0]}"
    go_mod, _ = _go_mod(path, component.version, folder)
    go = _required_go(go_mod, f"helm {component.version}", folder)
    _write_go_mod(folder, go, f"{path} {component.version}", [], [f"{path}/cmd/helm"])
    ldflags = f"-s -w -X {path}/internal/version.version={component.version}"
    return _compile(folder, ldflags, [f"{path}/cmd/helm"]) / "helm"


def module_folder(path: str, version: str, folder: Path) -> Path:
    """The folder of a published module's sources, downloaded where need be."""
    return _go_mod(path, version, folder)[1]


def build_controller_gen(version: str, modules: dict[str, str], packages: list[str], folder: Path) -> Path:
    """Build controller-gen in a module that also holds `packages`, so that it can read their types there."""
    tool = "sigs.k8s.io/controller-tools"
    needed = {tool: version, **modules}
    asked = [_required_go(_go_mod(path, at, folder)[0], path, folder) for path, at in needed.items()]
    wanted = max(asked, key=_as_numbers)
    lines = ["module shipkeeper.test/crds", "", f"go {wanted}", "", "require ("]
    lines += [f"\t{path} {at}" for path, at in needed.items()]
    (folder / "go.mod").write_text("\n".join([*lines, ")", "", f"tool {tool}/cmd/controller-gen", ""]))
    imports = "".join(f'import _ "{package}"\n' for package in packages)
    (folder / "packages.go").write_text(f"package crds\n\n{imports}")
    return _compile(folder, "-s -w", [f"{tool}/cmd/controller-gen"]) / "controller-gen"


def _as_numbers(version: str) -> tuple[int, ...]:
    return tuple(int(part) for part in re.findall(r"\d+", version))


def build_kwok(component: Component, folder: Path) -> tuple[Path, Path]:
    """Build kwok; the binary and the folder of its official stage files."""
    print(f"building kwok {component.version} from modules", file=sys.stderr, flush=True)
    path = "sigs.k8s.io/kwok"
    go_mod, sources = _go_mod(path, component.version, folder)
    go = _required_go(go_mod, f"kwok {component.version}", folder)
    _write_go_mod(folder, go, f"{path} {component.version}", [], [f"{path}/cmd/kwok"])
    out = _compile(folder, "-s -w", [f"{path}/cmd/kwok"])
    return out / "kwok", sources / "kustomize" / "stage"
