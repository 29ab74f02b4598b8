"""On what kind of disk a file lies: SQLite's locks and its WAL hold on a local disk only.

Linux says it in /proc/self/mountinfo (proc_pid_mountinfo(5)). Elsewhere the kind is not known, and
nothing is refused.
"""

from __future__ import annotations

import re
from pathlib import Path

NETWORK = frozenset(
    {
        "afs", "beegfs", "ceph", "cifs", "coda", "davfs", "fuse.davfs2", "fuse.glusterfs",
        "fuse.rclone", "fuse.s3fs", "fuse.sshfs", "glusterfs", "gpfs", "lustre", "ncpfs", "nfs",
        "nfs4", "smb3", "smbfs",
    }
)  # fmt: skip
"""File systems of other machines: their locks come late or never, and a write can be lost after its
fsync.
"""

SYNCED = re.compile(
    r"onedrive|dropbox|google ?drive|icloud|nextcloud|owncloud|mobile documents", re.IGNORECASE
)
"""Names of folders that a program copies to a server behind our back, half-written files too."""

MOUNTS = Path("/proc/self/mountinfo")
OCTAL = re.compile(r"\\([0-7]{3})")


def kind_of(path: Path) -> str | None:
    """Return the kind of file system on which `path` lies or would lie: "ext4", "nfs4"; None where
    nobody says.
    """
    try:
        lines = MOUNTS.read_text(encoding="utf-8", errors="surrogateescape").splitlines()
    except OSError:
        return None
    path = path.resolve()
    found: tuple[int, str] | None = None
    for line in lines:
        before, _, after = line.partition(" - ")
        point = Path(OCTAL.sub(lambda octal: chr(int(octal[1], 8)), before.split(" ")[4]))
        if path.is_relative_to(point) and (
            found is None or len(point.parts) >= found[0]
        ):  # the last one covers
            found = len(point.parts), after.split(" ")[0]
    return found[1] if found else None


def synced_by(path: Path) -> str | None:
    """Return the part of the path that looks like a folder which some program copies elsewhere."""
    return next((part for part in path.resolve().parts if SYNCED.search(part)), None)
