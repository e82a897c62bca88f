"""What kind of file system a path lies on: SQLite's locks and its write-ahead log do not work over a network."""

from __future__ import annotations

import re
import subprocess
from pathlib import Path

from shipkeeper.model.errors import UsageProblem

NETWORK = frozenset(
    {
        "9p", "afpfs", "afs", "beegfs", "ceph", "cephfs", "cifs", "coda", "drvfs", "fuse.ceph", "fuse.cephfs",
        "fuse.glusterfs", "fuse.gcsfuse", "fuse.mountpoint-s3", "fuse.rclone", "fuse.s3fs", "fuse.sshfs", "gfs2",
        "gpfs", "lustre", "ncpfs", "nfs", "nfs4", "ocfs2", "pvfs2", "smb2", "smb3", "smbfs", "virtiofs", "webdav",
    }
)  # fmt: skip
"""Types, as Linux' mountinfo and the BSD ``mount`` name them, on which SQLite's WAL mode is not safe.

Source: SQLite documentation, "Write-Ahead Logging" (all processes must be on the same host; no network file systems).
"""

_OCTAL = re.compile(r"\\([0-7]{3})")


def refuse_network(path: Path, mountinfo: str | None = None) -> None:
    """Raise UsageProblem (code journal-on-network) when the path lies on a network file system.

    ``mountinfo`` is the text of ``/proc/self/mountinfo``; None reads what this machine says.
    """
    kind = type_of(path.resolve(), read_mounts() if mountinfo is None else parse_mountinfo(mountinfo))
    if kind in NETWORK:
        raise UsageProblem(
            f"{path} is on a network file system ({kind})",
            code="journal-on-network",
            object=str(path),
            why="SQLite cannot lock or sync there as it must, and a journal that loses a record repeats a reboot",
            hint="name a folder on a local disk with --state DIR or $SHIPKEEPER_STATE",
        )


def type_of(path: Path, mounts: list[tuple[str, str]]) -> str:
    """Type of the file system that holds the (resolved) path; empty when no mount point fits."""
    best, kind = -1, ""
    for point, candidate in mounts:
        inside = point == "/" or path == Path(point) or path.is_relative_to(point)
        if inside and len(point) >= best:  # a later mount on the same point hides the earlier one
            best, kind = len(point), candidate
    return kind


def read_mounts() -> list[tuple[str, str]]:
    """(mount point, type) of this machine, in mount order; empty when it does not tell."""
    proc = Path("/proc/self/mountinfo")
    if proc.exists():
        return parse_mountinfo(proc.read_text(errors="replace"))
    try:
        listed = subprocess.run(["mount"], capture_output=True, text=True, timeout=10, check=True).stdout
    except (OSError, subprocess.SubprocessError):
        return []
    return re.findall(r"^.+? on (.+?) \(([^,)]+)", listed, re.MULTILINE)


def parse_mountinfo(text: str) -> list[tuple[str, str]]:
    """Read the format that proc(5) gives for ``/proc/[pid]/mountinfo``: field 5 and the field after the dash."""
    mounts = []
    for line in text.splitlines():
        left, _, right = line.partition(" - ")
        fields = left.split()
        if len(fields) >= 5 and right:
            point = _OCTAL.sub(lambda match: chr(int(match.group(1), 8)), fields[4])
            mounts.append((point, right.split()[0]))
    return mounts
