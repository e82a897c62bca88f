"""The verbs: build, start, stop, status, paths, user."""

from __future__ import annotations

import argparse
import json
import os
import signal
import sys
from pathlib import Path

from . import nodes, plane, sources
from .errors import PlaneError
from .versions import DEFAULT_MINOR, KUBERNETES

DESCRIPTION = """A throw-away Kubernetes control plane on loopback: etcd, API server, controller
manager, scheduler, and kwok in the kubelets' place. No containers, no root."""

EPILOG = """Each binary comes from KUBEBUILDER_ASSETS, the cache (SHIPKEEPER_CACHE, default
~/.cache/shipkeeper/controlplane), the official release, or a build from published Go modules.
SHIPKEEPER_CONTROLPLANE_SOURCES=assets,modules leaves the release download out.
Exit codes: 0 done, 1 failed, 2 usage, 3 a binary cannot be had here."""


def _parser() -> argparse.ArgumentParser:
    common = argparse.ArgumentParser(add_help=False)
    common.add_argument("--minor", choices=sorted(KUBERNETES), default=DEFAULT_MINOR)
    common.add_argument("--dir", type=Path, default=None, help="the plane's state folder")
    parser = argparse.ArgumentParser(prog="controlplane", description=DESCRIPTION, epilog=EPILOG)
    verbs = parser.add_subparsers(dest="verb", required=True)
    verbs.add_parser("build", parents=[common], help="get every binary ready")
    start = verbs.add_parser("start", parents=[common], help="start a plane; prints its state")
    start.add_argument("--nodes", type=int, default=0, help="create this many nodes")
    stop = verbs.add_parser("stop", parents=[common], help="end the plane and remove its data")
    stop.add_argument("--keep-logs", action="store_true")
    verbs.add_parser("status", parents=[common], help="what runs; exit 1 when it does not")
    verbs.add_parser("paths", parents=[common], help="the binaries at hand, without building")
    user = verbs.add_parser("user", parents=[common], help="a client certificate for a user")
    user.add_argument("name")
    user.add_argument("--group", action="append", default=[])
    user.add_argument("--kubeconfig-out", type=Path, required=True)
    return parser


def _show(document: object) -> None:
    print(json.dumps(document, indent=1), flush=True)


def _paths(minor: str) -> int:
    found, missing = sources.present(minor)
    _show(
        {
            "minor": minor,
            "binaries": {item.component.name: str(item.path) for item in found},
            "origins": {item.component.name: item.origin for item in found},
            "missing": [component.key for component in missing],
        }
    )
    return 0


def _act(arguments: argparse.Namespace, home: Path) -> int:
    if arguments.verb == "build":
        for item in sources.obtain(arguments.minor):
            print(f"{item.component.key}\t{item.origin}\t{item.path}")
        return 0
    if arguments.verb == "start":
        state = plane.start(home, arguments.minor)
        nodes.add(home, arguments.nodes)
        _show(state)
        return 0
    if arguments.verb == "stop":
        ended = plane.stop(home, arguments.keep_logs)
        print(f"ended {', '.join(ended)}" if ended else f"nothing runs in {home}")
        return 0
    if arguments.verb == "status":
        answer = plane.status(home)
        _show(answer)
        return 0 if answer["running"] else 1
    if arguments.verb == "user":
        plane.add_user(home, arguments.name, arguments.group, arguments.kubeconfig_out)
        print(arguments.kubeconfig_out)
        return 0
    return _paths(arguments.minor)


def main(argv: list[str] | None = None) -> int:
    """Run one verb; the exit code."""
    arguments = _parser().parse_args(argv)
    home = (arguments.dir or plane.default_home(arguments.minor)).expanduser().absolute()
    # Asked to end, it takes what it started with it: a compiler, or half a plane.
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    try:
        return _act(arguments, home)
    except PlaneError as error:
        print(f"controlplane: {error}", file=sys.stderr)
        return error.exit_code
    except BrokenPipeError:  # the reader has what it wanted, as `| head` does
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 0
    except OSError as error:
        print(f"controlplane: {error}; SHIPKEEPER_CACHE moves the cache, --dir the plane's folder", file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        print("controlplane: interrupted; nothing half-made counts", file=sys.stderr)
        return 130
