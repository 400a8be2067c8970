#    Licensed under the Apache License, Version 2.0 (the "License"); you may
#    not use this file except in compliance with the License. You may obtain
#    a copy of the License at
#
#         http://www.apache.org/licenses/LICENSE-2.0
#
#    Unless required by applicable law or agreed to in writing, software
#    distributed under the License is distributed on an "AS IS" BASIS, WITHOUT
#    WARRANTIES OR CONDITIONS OF ANY KIND, either express or implied. See the
#    License for the specific language governing permissions and limitations
#    under the License.

"""The keys that secrets are encrypted with, and the directory they are in.

The directory is like keystone's key repositories. Each file holds one Fernet
key (https://github.com/fernet/spec) and is named by a number: the highest is
the primary key, which encrypts; ``0`` is staged, and becomes the primary key
when the keys are rotated; those between are of earlier rotations. All of them
decrypt, so a key has reached every host before anything is encrypted with it.

What is encrypted names its key by a fingerprint, so that one that is missing
can be told from one that never was.
"""

import collections.abc
import contextlib
import dataclasses
import fcntl
import hashlib
import os
import pathlib
import re
import stat
import tempfile
import time
import typing

from cryptography import fernet
from oslo_config import cfg
from oslo_log import log

from valence import exception

CONF = cfg.CONF
LOG = log.getLogger(__name__)

STAGED = 0

#: An encrypted secret: the fingerprint of its key, and the token.
Encrypted = dict[str, str]

#: ValueError: what is not even ASCII.
_NO_TOKEN = (fernet.InvalidToken, ValueError)
#: Keys that are copied from another host come one by one; seconds that the
#: last of them may be behind.
_COPYING = 1.0
#: Tries to find all keys unchanged while they are read.
_LOOKS = 10


class Unreadable(Exception):
    """A secret cannot be decrypted; its text says why."""


@dataclasses.dataclass(frozen=True, slots=True)
class Key:
    """One file of the directory."""

    number: int
    cipher: fernet.Fernet = dataclasses.field(repr=False)
    #: Tells keys apart, and tells nothing about them.
    fingerprint: str


class Keys:
    """The keys of a directory as they stood when it was read.

    :param keys: the primary key first, the staged one last
    """

    def __init__(self, keys: list[Key]) -> None:
        self.all = keys
        self.primary = keys[0]
        self.fingerprints = {key.fingerprint for key in keys}
        self._fernet = fernet.MultiFernet([key.cipher for key in keys])

    @property
    def staged(self) -> Key | None:
        last = self.all[-1]
        return last if last.number == STAGED else None

    @property
    def old(self) -> list[Key]:
        """Those of earlier rotations."""
        return [key for key in self.all[1:] if key.number != STAGED]

    def encrypt(self, text: str) -> Encrypted:
        token = self._fernet.encrypt(text.encode())
        return self._encrypted(token)

    def decrypt(self, secret: Encrypted) -> str:
        """:raises: Unreadable"""
        try:
            return self._fernet.decrypt(secret["fernet"]).decode()
        except _NO_TOKEN:
            raise Unreadable(self._why_not(secret)) from None

    def renew(self, secret: Encrypted) -> Encrypted:
        """The same secret under the primary key.

        :raises: Unreadable
        """
        if secret["key"] == self.primary.fingerprint:
            return secret
        try:
            return self._encrypted(self._fernet.rotate(secret["fernet"]))
        except _NO_TOKEN:
            raise Unreadable(self._why_not(secret)) from None

    def _encrypted(self, token: bytes) -> Encrypted:
        return {
            "key": self.primary.fingerprint,
            "fernet": token.decode(),
        }

    def _why_not(self, secret: Encrypted) -> str:
        if secret["key"] in self.fingerprints:
            return "it is damaged"
        return (
            f"it was encrypted with the key {secret['key']}, which is not "
            f"among the keys in {CONF.secrets.key_repository}"
        )


# -- the keys of this process -------------------------------------------------

#: What was read last: of which directory, how that looked, and what it held.
_last: tuple[str, object, Keys] | None = None


def current() -> Keys:
    """The keys as they are now; a few system calls where none has changed.

    Where the directory cannot be used any more the keys are those that were
    read before, and the log tells.

    :raises: KeysUnusable where none were
    """
    global _last
    directory = CONF.secrets.key_repository
    known = _last if _last and _last[0] == directory else None
    look = _look(directory)
    if known and known[1] == look:
        return known[2]
    try:
        keys = load(directory)
    except exception.KeysUnusable as e:
        if known is None:
            raise
        LOG.error("Going on with the keys that were read before: %s", e)
        keys = known[2]
    else:
        if known:
            LOG.info(
                "The keys of secrets have changed; %s encrypts.",
                keys.primary.fingerprint,
            )
    _last = (directory, look, keys)
    return keys


def encrypt(text: str) -> Encrypted:
    """:raises: KeysUnusable"""
    return current().encrypt(text)


def decrypt(secret: Encrypted) -> str:
    """:raises: KeysUnusable, Unreadable"""
    keys = current()
    if secret["key"] not in keys.fingerprints:
        time.sleep(_COPYING)
        keys = current()
    return keys.decrypt(secret)


def renew(secret: Encrypted) -> Encrypted:
    """:raises: KeysUnusable, Unreadable"""
    return current().renew(secret)


def _look(directory: str) -> object:
    """What differs when the directory or one of its files changes."""
    try:
        with os.scandir(directory) as found:
            files = sorted(
                (entry.name, *_marks(entry.stat()))
                for entry in found
                if _is_key(entry.name)
            )
        return (_marks(os.stat(directory))[-1], files)
    except OSError as e:
        return e.errno


def _marks(found: os.stat_result) -> tuple[int, ...]:
    return found.st_ino, found.st_mtime_ns, found.st_size, found.st_mode


# -- the directory ------------------------------------------------------------


def load(directory: str) -> Keys:
    """Read a directory.

    :raises: KeysUnusable
    """
    with _explained(directory):
        keys = _read_all(directory)
    if not keys or keys[0].number == STAGED:
        raise exception.KeysUnusable(
            reason=f"there is no primary key in {directory}; restore the keys "
            "or, where there were none, run 'valence-secrets setup'."
        )
    return Keys(keys)


def set_up(directory: str) -> bool:
    """Make a directory and its first keys, where there are none.

    :returns: whether there were none
    :raises: KeysUnusable
    """
    with _explained(directory):
        pathlib.Path(directory).mkdir(0o700, parents=True, exist_ok=True)
        with _alone(directory):
            new = not _read_all(directory)
            if new:
                _write(directory, 1)
            if load(directory).staged is None:
                _write(directory, STAGED)
    return new


def rotate(directory: str) -> Keys:
    """Have the staged key encrypt from now on, and stage another.

    Where there is no staged key an earlier rotation was cut short after its
    first half; then this is the second, and no key changes its place.

    :returns: the keys as they are now
    :raises: KeysUnusable
    """
    with _explained(directory), _alone(directory):
        keys = load(directory)
        if keys.staged is not None:
            os.rename(
                os.path.join(directory, str(STAGED)),
                os.path.join(directory, str(keys.primary.number + 1)),
            )
            _settle(directory)
        _write(directory, STAGED)
        return load(directory)


def remove(directory: str, numbers: collections.abc.Iterable[int]) -> None:
    """Delete keys.

    :raises: KeysUnusable
    """
    with _explained(directory), _alone(directory):
        for number in numbers:
            pathlib.Path(directory, str(number)).unlink(missing_ok=True)
        _settle(directory)


def _read_all(directory: str) -> list[Key]:
    """All keys of one moment, the highest number first."""
    _check_private(directory)
    for attempt in range(1, _LOOKS + 1):
        look = _look(directory)
        names = filter(_is_key, os.listdir(directory))
        try:
            keys = [_read(directory, name) for name in names]
        except FileNotFoundError:
            # It was rotated away; or it is a link that leads nowhere.
            if attempt == _LOOKS:
                raise
            continue
        if _look(directory) == look:
            break
    return sorted(keys, key=lambda key: -key.number)


def _is_key(name: str) -> bool:
    return name.isascii() and name.isdecimal() and str(int(name)) == name


def _check_private(path: str) -> None:
    mode = stat.S_IMODE(os.stat(path).st_mode)
    if mode & 0o077:
        wanted = "700" if os.path.isdir(path) else "600"
        raise exception.KeysUnusable(
            reason=f"others than its owner have access to {path} (its mode is "
            f"{mode:03o}): chmod {wanted} {path}"
        )


def _read(directory: str, name: str) -> Key:
    path = os.path.join(directory, name)
    _check_private(path)
    content = pathlib.Path(path).read_bytes().strip()
    # Fernet itself passes over what is no base64.
    if not re.fullmatch(rb"[A-Za-z0-9_-]{43}=", content):
        raise exception.KeysUnusable(reason=f"{path} holds no Fernet key.")
    made = fernet.Fernet(content)
    digest = hashlib.sha256(content).hexdigest()
    return Key(int(name), made, digest[:8])


def _write(directory: str, number: int) -> None:
    """Make a key; its file is there as a whole or not at all."""
    # mkstemp makes a file that nobody else may read.
    descriptor, path = tempfile.mkstemp(prefix=".new-", dir=directory)
    try:
        with os.fdopen(descriptor, "wb") as file:
            owner = os.stat(directory)
            if os.geteuid() == 0:
                # Made by root, and read by the service.
                os.fchown(file.fileno(), owner.st_uid, owner.st_gid)
            file.write(fernet.Fernet.generate_key())
            file.flush()
            os.fsync(file.fileno())
        os.rename(path, os.path.join(directory, str(number)))
    except BaseException:
        pathlib.Path(path).unlink(missing_ok=True)
        raise
    _settle(directory)


def _settle(directory: str) -> None:
    """See that the names of files survive a loss of power."""
    descriptor = os.open(directory, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


@contextlib.contextmanager
def _alone(directory: str) -> typing.Iterator[None]:
    """Change the directory while nobody else does."""
    descriptor = os.open(directory, os.O_RDONLY)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX)
        yield
    finally:
        os.close(descriptor)


@contextlib.contextmanager
def _explained(directory: str) -> typing.Iterator[None]:
    try:
        yield
    except FileNotFoundError:
        raise exception.KeysUnusable(
            reason=f"there is no directory {directory}; restore the keys "
            "or, where there were none, set [secrets]key_repository and run "
            "'valence-secrets setup'."
        ) from None
    except OSError as e:
        raise exception.KeysUnusable(
            reason=f"{e.filename or directory}: {e.strerror}."
        ) from None
