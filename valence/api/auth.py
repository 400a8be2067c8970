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

"""Who asks: Keystone says so, a file of passwords, or nobody.

Whoever answers puts the request's context into ``valence.context`` of the WSGI
environment, and nothing behind looks at headers for it.
"""

import hashlib
import hmac
import importlib.util
import ipaddress
import os
import re
import threading
import typing
import urllib.parse

import bcrypt
import cachetools
from keystonemiddleware import auth_token
from oslo_config import cfg
from oslo_log import log
from oslo_middleware import basic_auth
from oslo_policy import policy
import webob

from valence import exception
from valence import policies
from valence.api import errors
from valence.api import routes
from valence.api import versions
from valence.context import RequestContext

CONF = cfg.CONF
LOG = log.getLogger(__name__)

CONTEXT = "valence.context"

Environ = dict[str, typing.Any]

#: Those of who is asked nothing, or for a password only.
_ALL_ROLES = ["admin", "manager", "member", "reader"]


def protect(application: typing.Any) -> typing.Any:
    """Let nobody through to an application who is not known.

    What needs no rule, such as version discovery, needs no token either.
    """
    strategies: dict[str, typing.Any] = {
        "keystone": _Keystone,
        "http_basic": _Passwords,
        "noauth": _Nobody,
    }
    strategy = strategies[CONF.auth_strategy](application)

    def guarded(environ: Environ, start_response: typing.Any) -> typing.Any:
        anybody = _context(environ)
        # In the log, too, this is no part of the thread's last request.
        anybody.update_store()
        try:
            if _is_open(environ):
                environ[CONTEXT] = anybody
                return application(environ, start_response)
            return strategy(environ, start_response)
        except exception.ValenceError as e:
            return errors.response(e, environ)(environ, start_response)

    return guarded


def _is_open(environ: Environ) -> bool:
    found = routes.match(environ.get("PATH_INFO", "").split("/"))
    return found is not None and all(
        route.rule is None for route in found[0].values()
    )


def _context(environ: Environ, **who: typing.Any) -> RequestContext:
    return RequestContext(
        request_id=environ.get("openstack.request_id"),
        global_request_id=environ.get("openstack.global_request_id"),
        **who,
    )


_TOKEN = re.compile(r"\s*[!-~]{0,4096}\s*", re.ASCII)


class _Believed:
    """Tokens that were looked up, by digest, where no memcached has them.

    keystonemiddleware would keep them for each thread on its own, and as many
    as there are: with Keystone away the same token would be good or not as
    chance has it.
    """

    #: What Keystone tells of one may have a catalog of some KiB in it.
    MOST = 2000
    #: Where keystonemiddleware looks for this in the WSGI environment.
    KEY = "valence.tokens"

    def __init__(self, seconds: float) -> None:
        self._lock = threading.Lock()
        self._tokens: cachetools.TTLCache[str, bytes] = cachetools.TTLCache(
            self.MOST, seconds
        )

    def get(self, key: str) -> bytes | None:
        with self._lock:
            return self._tokens.get(key)

    def set(self, key: str, value: bytes, time: float) -> None:
        """:param time: that of the options, as for all of them"""
        with self._lock:
            self._tokens[key] = value


class _Keystone:
    """The token says it; keystonemiddleware has Keystone validate it."""

    def __init__(self, application: typing.Any) -> None:
        self._application = application
        for name, value in (
            # What rules of application credentials call this service.
            ("service_type", versions.SERVICE_TYPE),
            # Without it a request would wait for ever.
            ("http_connect_timeout", 5),
            ("cache", _Believed.KEY),
        ):
            CONF.set_default(name, value, "keystone_authtoken")
        group = CONF.keystone_authtoken
        self._shared: Environ = {}
        if not group.memcached_servers:
            self._shared[_Believed.KEY] = _Believed(group.token_cache_time)
        self._protocol = auth_token.AuthProtocol(
            self._known,
            {"oslo_config_config": CONF, "oslo_config_project": "valence"},
        )

    def _known(self, environ: Environ, start: typing.Any) -> typing.Any:
        environ[CONTEXT] = RequestContext.from_environ(
            environ,
            # Nothing is asked with them, and contexts go over the bus.
            auth_token=None,
            service_token=None,
        )
        return self._application(environ, start)

    def __call__(self, environ: Environ, start: typing.Any) -> typing.Any:
        for name in ("X_AUTH_TOKEN", "X_STORAGE_TOKEN", "X_SERVICE_TOKEN"):
            # What cannot be a token Keystone refuses to read, and it would
            # look as if it were sick.
            if not _TOKEN.fullmatch(environ.get(f"HTTP_{name}", "")):
                del environ[f"HTTP_{name}"]
        environ.update(self._shared)
        try:
            answer = webob.Request(environ).get_response(self._protocol)
        except Exception as e:
            if CONTEXT in environ:
                raise  # it comes from behind the middleware
            # What it makes of odd answers is as odd, KeyError and the like.
            # It may come with each request, for as long as nobody mends it.
            LOG.error(
                "Keystone cannot be asked: %s: %s",
                type(e).__name__,
                e,
                exc_info=CONF.debug,
            )
            raise self._away() from None
        if CONTEXT in environ:
            return answer(environ, start)
        if answer.status_int != 401:
            raise self._away()
        refusal = errors.response(
            exception.Unauthenticated(wanted="a valid token in X-Auth-Token"),
            environ,
        )
        refusal.headers["WWW-Authenticate"] = answer.headers[
            "WWW-Authenticate"
        ]
        return refusal(environ, start)

    @staticmethod
    def _away() -> exception.Unavailable:
        return exception.Unavailable(
            "Keystone does not answer, so nobody can be let in; try again "
            "later."
        )


class _Passwords:
    """A user and a password of the file, hashed by bcrypt.

    A hash takes as long as it is meant to. So a password that was right is
    known again, by a digest with a key that this process alone has, until its
    line in the file changes.
    """

    _MOST = 1000
    #: What is compared where there is no such user: it takes as long.
    _NOBODYS = b"$2b$12$zYeh1M1VTHVuqpbpjmV0e.l1NrMHUMQTNXgEEsyKjSCbfFP8NbuK6"

    def __init__(self, application: typing.Any) -> None:
        self._application = application
        self._file = CONF.oslo_middleware.http_basic_auth_user_file
        self._key = os.urandom(32)
        self._lock = threading.Lock()
        self._right: cachetools.LRUCache[bytes, bool] = cachetools.LRUCache(
            self._MOST
        )

    def __call__(self, environ: Environ, start: typing.Any) -> typing.Any:
        try:
            user, password = basic_auth.parse_token(
                basic_auth.parse_header(environ)
            )
        except webob.exc.HTTPException:
            return self._refuse(environ, start)
        if not self._is_right(user, password):
            return self._refuse(environ, start)
        environ[CONTEXT] = _context(
            environ, user_id=user[:64], user_name=user, roles=_ALL_ROLES
        )
        return self._application(environ, start)

    @staticmethod
    def _refuse(environ: Environ, start: typing.Any) -> typing.Any:
        refusal = errors.response(
            exception.Unauthenticated(wanted="a user name and a password"),
            environ,
        )
        refusal.headers["WWW-Authenticate"] = 'Basic realm="valence"'
        return refusal(environ, start)

    def _is_right(self, user: str, password: bytes) -> bool:
        hashed = self._hash_of(user)
        digest = hmac.new(self._key, hashed, hashlib.sha256)
        digest.update(password)
        with self._lock:
            if self._right.get(digest.digest()):
                return True
        # More than that bcrypt never looked at, and now refuses.
        same = bcrypt.checkpw(password[:72], hashed)
        if not same or hashed is self._NOBODYS:
            LOG.info("A wrong user name or password was given.")
            return False
        with self._lock:
            self._right[digest.digest()] = True
        return True

    def _hash_of(self, user: str) -> bytes:
        try:
            with open(self._file) as lines:
                for line in lines:
                    name, _, hashed = line.strip().partition(":")
                    if name == user and hashed:
                        return basic_auth.parse_entry(f"{name}:{hashed}")[1]
        except (OSError, UnicodeDecodeError, webob.exc.HTTPException) as e:
            LOG.error("The password file cannot be used: %s", e)
            raise exception.Unavailable() from None
        return self._NOBODYS


class _Nobody:
    """Everybody who is on this machine is the administrator."""

    def __init__(self, application: typing.Any) -> None:
        self._application = application

    def __call__(self, environ: Environ, start: typing.Any) -> typing.Any:
        if not CONF.api.allow_remote_noauth:
            _refuse_strangers(environ)
        project = environ.get("HTTP_X_PROJECT_ID")
        if project is not None and not re.fullmatch(
            r"[A-Za-z0-9_.-]{1,64}", project
        ):
            raise exception.InvalidField(
                field="X-Project-Id",
                reason="1 to 64 letters, digits, '.', '_' and '-' are wanted.",
            )
        environ[CONTEXT] = _context(
            environ, project_id=project, roles=_ALL_ROLES
        )
        return self._application(environ, start)


def _refuse_strangers(environ: Environ) -> None:
    """See that a request comes from this machine, and from no web page.

    The address that the server listens on is not always ours to choose, and
    a page of anybody's can have a browser of this machine send requests.

    :raises: NotFromHere
    """
    if any(
        environ.get(f"HTTP_{name}")
        for name in ("FORWARDED", "X_FORWARDED_FOR", "X_FORWARDED_HOST")
    ):
        raise exception.NotFromHere(reason="this came by way of a proxy.")
    if not is_here(environ.get("REMOTE_ADDR", "")):
        raise exception.NotFromHere(
            reason="set [api]allow_remote_noauth to let everybody in."
        )
    host = environ.get("HTTP_HOST")
    if host is not None and not is_here(_host_of(f"//{host}")):
        # Names that lead here though they are somebody else's.
        raise exception.NotFromHere(
            reason="the header Host names another one."
        )
    origin = environ.get("HTTP_ORIGIN")
    if (
        origin is not None
        and origin not in (CONF.cors.allowed_origin or ())
        and not is_here(_host_of(origin))
    ):
        raise exception.NotFromHere(
            reason="a page from elsewhere has sent this."
        )


def _host_of(url: str) -> str:
    try:
        return urllib.parse.urlsplit(url).hostname or ""
    except ValueError:
        return ""


def is_here(host: str) -> bool:
    """Whether a name or an address is that of this machine, and no other's.

    0.0.0.0 is not.
    """
    if host == "localhost" or host.endswith(".localhost"):
        return True
    try:
        address = ipaddress.ip_address(host)
    except ValueError:
        return False
    mapped = getattr(address, "ipv4_mapped", None)
    return (mapped or address).is_loopback


def problem() -> str | None:
    """What keeps the configuration from being used, if anything does.

    To be asked before a process that serves the API is started.
    """
    try:
        policies.check()
    except (ValueError, policy.InvalidDefinitionError) as e:
        return f"The policy files cannot be used: {e}"
    match CONF.auth_strategy:
        case "keystone":
            return _problem_with_keystone()
        case "http_basic":
            try:
                basic_auth.validate_auth_file(
                    CONF.oslo_middleware.http_basic_auth_user_file
                )
            except Exception as e:
                return (
                    "auth_strategy is http_basic, but [oslo_middleware]"
                    f"http_basic_auth_user_file cannot be used: {e}"
                )
    return None


def _problem_with_keystone() -> str | None:
    group = CONF.keystone_authtoken
    if not (group.auth_type or group.auth_section):
        return (
            "auth_strategy is keystone, but [keystone_authtoken] does not say "
            "how to log in to it: set auth_type and what that needs, or "
            "choose another auth_strategy."
        )
    secure = group.memcache_tls_enabled or group.memcache_sasl_enabled
    client = "bmemcached" if secure else "memcache"
    # keystonemiddleware needs it, does not require it, and would fail with
    # each request.
    if group.memcached_servers and importlib.util.find_spec(client) is None:
        return (
            "[keystone_authtoken]memcached_servers is set, but there is no "
            f"Python module '{client}': pip install 'valence[memcached]'"
        )
    return None
