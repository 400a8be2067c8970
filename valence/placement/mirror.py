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

"""The mirror into OpenStack Placement.

One thread in each conductor. It is told which pod managers changed, and at
regular times looks at all that the hash ring gives to this conductor. Nobody
waits for it: what it is told is a set in memory, and where Placement is away
that is thrown away, for the next look finds it.
"""

import collections
import random
import threading
import time
import typing

from oslo_config import cfg
from oslo_db import exception as db_exc
from oslo_log import log

from valence.db import ledger
from valence.placement import client as http
from valence.placement.reconcile import Reconciler

CONF = cfg.CONF
LOG = log.getLogger(__name__)

#: The most pod managers whose change is remembered; the rest is found.
MOST_CHANGED = 1000
#: Seconds after which what is known of Placement is all read anew, should
#: somebody have restored it to a past that looks like the present.
BELIEVED = 3600
#: Seconds until the first new attempt where Placement is away.
FIRST_RETRY = 5.0
#: Stands in the ring for what only one conductor does.
_CLEANING = "placement"
#: Seconds that the thread is given to end.
STOP_TIMEOUT = 5

Share = typing.Callable[[list[str]], list[str]]


class Mirror:
    """
    :param share: of these keys, those that are this conductor's
    """

    def __init__(self, share: Share) -> None:
        self._share = share
        self._lock = threading.Condition()
        self._stopping = threading.Event()
        self._thread: threading.Thread | None = None
        # As a set that remembers its order.
        self._changed: dict[str, None] = {}
        self._due: collections.deque[str] = collections.deque()
        self._look_at = 0.0
        self._away_since: float | None = None
        self._failures = 0
        #: what Placement did not take the last time
        self._refused: set[str] = set()

    def start(self) -> None:
        if not CONF.placement.enabled:
            return
        self._client = http.Client()
        self._forget()
        self._thread = threading.Thread(
            target=self._work, name="placement", daemon=True
        )
        self._thread.start()

    def stop(self) -> None:
        self._stopping.set()
        with self._lock:
            self._lock.notify_all()
        if self._thread is not None:
            self._client.close()
            self._thread.join(STOP_TIMEOUT)

    def changed(self, podm_id: str) -> None:
        """Have a pod manager mirrored soon; returns at once."""
        with self._lock:
            if (
                self._thread is None
                or self._away_since is not None
                or len(self._changed) >= MOST_CHANGED
            ):
                return
            self._changed[podm_id] = None
            self._lock.notify_all()

    # -- the thread --

    def _work(self) -> None:
        while not self._stopping.is_set():
            try:
                key = self._next()
                if key is not None:
                    self._mirror(key)
            except http.Away as e:
                self._goes_away(str(e))
            except db_exc.DBError as e:
                self._goes_away(f"the database failed ({type(e).__name__})")
            except Exception:
                LOG.exception("The mirror into Placement failed.")
                self._goes_away("a fault of ours")

    def _next(self) -> str | None:
        """What to mirror next, as soon as there is something."""
        with self._lock:
            while not self._stopping.is_set():
                if self._changed:
                    key = next(iter(self._changed))
                    del self._changed[key]
                    return key
                if self._due:
                    return self._due.popleft()
                wait = self._look_at - time.monotonic()
                if wait <= 0:
                    break
                self._lock.wait(wait)
        if not self._stopping.is_set():
            self._begin_look()
        return None

    def _begin_look(self) -> None:
        due = self._share([_CLEANING, *ledger.keys()])
        # What brings the look to its end is not always before the same.
        random.shuffle(due)
        if self._away_since is not None:
            self._client.ask("GET", "/resource_classes")
            self._is_back()
        if time.monotonic() - self._made > BELIEVED:
            self._forget()
        self._plan(CONF.placement.interval)
        self._due.extend(due)

    def _plan(self, seconds: float) -> None:
        """Say when to look next: not all conductors at the same time."""
        jitter = random.uniform(0.9, 1.1)  # noqa: S311 - no secret
        self._look_at = time.monotonic() + seconds * jitter

    def _forget(self) -> None:
        self._made = time.monotonic()
        self._reconciler = Reconciler(self._client, self._stopping.wait)

    def _mirror(self, key: str) -> None:
        try:
            if key == _CLEANING:
                self._reconciler.clean()
            else:
                self._reconciler.reconcile(key)
        except (http.Away, db_exc.DBError):
            raise
        except Exception as e:
            if key not in self._refused:
                self._refused.add(key)
                ours = not isinstance(e, http.Refused)
                LOG.warning(
                    "Placement does not take %s; trying again at each look. "
                    "%s",
                    self._called(key),
                    "It is a fault of ours." if ours else e,
                    exc_info=ours,
                )
            return
        if key in self._refused:
            self._refused.remove(key)
            LOG.info("Placement has taken %s.", self._called(key))

    @staticmethod
    def _called(key: str) -> str:
        if key == _CLEANING:
            return "the deletion of what is gone"
        return f"provider {key} and what belongs to it"

    def _goes_away(self, reason: str) -> None:
        """Throw away what waits: the look that succeeds will find it."""
        if self._stopping.is_set():
            return
        with self._lock:
            self._changed.clear()
            self._due.clear()
            if self._away_since is None:
                self._away_since = time.monotonic()
                self._failures = 0
                LOG.warning(
                    "Nothing is mirrored into Placement for the present: %s",
                    reason,
                )
            else:
                LOG.debug("Still nothing is mirrored: %s", reason)
        wait = FIRST_RETRY * 2.0 ** min(self._failures, 20)
        self._failures += 1
        self._plan(min(wait, CONF.placement.interval))

    def _is_back(self) -> None:
        with self._lock:
            away_since, self._away_since = self._away_since, None
        if away_since is not None:
            LOG.info(
                "Mirroring into Placement again, after %d s; all of it is "
                "looked at.",
                time.monotonic() - away_since,
            )
