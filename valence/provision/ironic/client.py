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

"""Ironic's API, through python-ironicclient: bounded, and silent."""

import logging
import ssl
import threading
import time
import typing

from ironicclient import client as ironic_client
from ironicclient import exc
from keystoneauth1 import exceptions as kexc
from keystoneauth1 import loading
from keystoneauth1 import session as keystone_session
from oslo_config import cfg
import requests
import urllib3

from valence import exception
from valence.conf.ironic import GROUP
from valence.drivers import transport
from valence.drivers import words

#: The oldest that has all that is asked for: lessees came with it (Ironic
#: 16.1, the release of Wallaby).
API_VERSION = "1.65"
#: The most that one answer may weigh; a page of nodes has 1 MiB or two.
MOST_BYTES = 64 * 1024 * 1024

# What it says of a request that failed quotes Ironic, which may quote what it
# was sent. The error that goes up says it too, without the secrets.
logging.getLogger("ironicclient.common.http").addFilter(lambda record: False)

T = typing.TypeVar("T")


class Absent(exception.ProvisionerError):
    """What was asked for is not there."""

    status = 404
    code = "provisioner.not_found"
    message = "Ironic has it no more: %(reason)s"


class Busy(exception.ProvisionerConflict):
    """A node is locked, or between two states, for a moment."""


class _Session(keystone_session.Session):
    """Says nothing: a body that it would log has the password of a BMC."""

    def request(self, *args: typing.Any, **kwargs: typing.Any) -> typing.Any:
        kwargs["log"] = False
        return super().request(*args, **kwargs)


class _SessionLoader(loading.session.Session):
    plugin_class = _Session


class _Adapter(keystone_session.TCPKeepAliveAdapter):
    """Gives an answer up that does not come to its end in time."""

    def send(
        self,
        request: requests.PreparedRequest,
        *args: typing.Any,
        **kwargs: typing.Any,
    ) -> requests.Response:
        timeout = kwargs.get("timeout")
        until = time.monotonic() + timeout if timeout else None
        response = super().send(request, *args, **kwargs)
        chunks, size = [], 0
        try:
            # A timeout of requests bounds one recv(), and not them all.
            while chunk := response.raw.read1(65536, decode_content=True):
                chunks.append(chunk)
                size += len(chunk)
                if until is not None and time.monotonic() > until:
                    raise requests.ReadTimeout
                if size > MOST_BYTES:
                    raise requests.exceptions.ContentDecodingError("too large")
        except (urllib3.exceptions.HTTPError, OSError) as error:
            response.close()
            if isinstance(error, requests.RequestException):
                raise
            if isinstance(error, urllib3.exceptions.TimeoutError):
                raise requests.ReadTimeout(error) from error
            raise requests.ConnectionError(error) from error
        # Where requests looks for what it has read already.
        response._content = b"".join(chunks)
        response._content_consumed = True  # type: ignore[attr-defined]
        return response


class Client:
    """Calls Ironic, and says in words of ours what came of it."""

    def __init__(self, conf: cfg.ConfigOpts) -> None:
        self._conf = conf
        self._lock = threading.Lock()
        self._made: typing.Any = None
        self._session: _Session | None = None

    def close(self) -> None:
        if self._session is not None:
            self._session.close()

    def call(
        self,
        act: typing.Callable[[typing.Any], T],
        secrets: typing.Iterable[str] = (),
    ) -> T:
        """Carry out one request, once.

        :param act: what to do with the client of ironicclient
        :param secrets: what an error must not quote
        :raises: Absent, Busy, ProvisionerError and its other subclasses
        """
        try:
            return act(self._client())
        except (kexc.ClientException, exc.ClientException) as error:
            raise self._named(error, secrets) from None

    def _client(self) -> typing.Any:
        with self._lock:
            if self._made is not None:
                return self._made
        # Not under the lock: it may have to ask keystone.
        conf = self._conf[GROUP]
        try:
            auth = loading.load_auth_from_conf_options(self._conf, GROUP)
            if auth is None and not conf.endpoint_override:
                raise exception.ProvisionerNotConfigured(
                    reason=f"[{GROUP}]auth_type is not set"
                )
        except (kexc.OptionError, kexc.NoMatchingPlugin) as error:
            raise exception.ProvisionerNotConfigured(
                reason=f"[{GROUP}]: {words.line(str(error))}"
            ) from None
        session: _Session = _SessionLoader().load_from_conf_options(  # type: ignore[assignment]
            self._conf, GROUP, auth=auth
        )
        for scheme in ("https://", "http://"):
            session.mount(
                scheme,
                _Adapter(
                    tls_ciphers=session.tls_ciphers,
                    tls_min_version=session.tls_min_version,
                ),
            )
        made = ironic_client.Client(
            "1",
            session=session,
            endpoint_override=conf.endpoint_override,
            service_type=conf.service_type,
            interface=conf.valid_interfaces,
            region_name=conf.region_name,
            os_ironic_api_version=API_VERSION,
            # It would sleep and ask again without a look at what was done.
            max_retries=0,
            retry_interval=1,
        )
        with self._lock:
            if self._made is None:
                self._made, self._session = made, session
            return self._made

    def _named(
        self, error: Exception, secrets: typing.Iterable[str]
    ) -> exception.ProvisionerError:
        """The error of ours that one of the libraries stands for."""
        match error:
            case exc.HttpError():
                return _refusal(error, secrets)
            case kexc.HttpError():
                # Of keystone: what Ironic answers never comes this way.
                said = words.line(error.message or "")
                kind = (
                    exception.ProvisionerAuthFailure
                    if error.http_status in (401, 403)
                    else exception.ProvisionerError
                )
                return kind(
                    reason=f"keystone says: {said} (HTTP {error.http_status})",
                    passing=error.http_status >= 500,
                )
            case kexc.ConnectionError():
                return exception.ProvisionerUnreachable(
                    reason=self._why_not(error), passing=True
                )
            case kexc.DiscoveryFailure():
                return exception.ProvisionerUnreachable(
                    reason="there is no keystone at [ironic]auth_url",
                    passing=True,
                )
            case exc.UnsupportedVersion():
                return exception.ProvisionerNotConfigured(
                    reason=f"it is too old; its API has to know {API_VERSION}"
                )
            case exc.EndpointException() | kexc.EndpointNotFound():
                return exception.ProvisionerNotConfigured(
                    reason="keystone's catalog has no endpoint of it"
                )
        return exception.ProvisionerError(
            reason="its answer, or keystone's, makes no sense", passing=True
        )

    def _why_not(self, error: Exception) -> str:
        """Why there is no answer, in a person's words."""
        causes = list(transport.causes(error))

        def has(*kinds: type[BaseException]) -> bool:
            return any(isinstance(cause, kinds) for cause in causes)

        # Who logs in anew asks keystone first.
        who = "keystone: " if "/auth/tokens" in str(error) else ""
        return who + self._reason(error, has)

    def _reason(
        self, error: Exception, has: typing.Callable[..., bool]
    ) -> str:
        if isinstance(error, kexc.SSLError) or has(ssl.SSLError):
            return "TLS failed; is its certificate trusted? See [ironic]cafile"
        if has(urllib3.exceptions.NameResolutionError):
            return "its host name is not known"
        if has(ConnectionRefusedError):
            return "connection refused"
        if isinstance(error, kexc.ConnectTimeout):
            return f"no answer within {self._conf[GROUP].timeout:g} s"
        if has(urllib3.exceptions.NewConnectionError):
            return "no route to it"
        return "it closed the connection without an answer"


def _refusal(
    error: exc.HttpError, secrets: typing.Iterable[str]
) -> exception.ProvisionerError:
    status = error.http_status
    said = error.message or ""
    for secret in secrets:
        said = said.replace(secret, "***")
    said = words.line(said).rstrip(".") or words.phrase(status)
    match status:
        case 403 if "protected" in said:
            return exception.ProvisionerConflict(reason=said)
        case 401 | 403:
            return exception.ProvisionerAuthFailure(reason=said)
        case 404:
            return Absent(reason=said)
        case 409 if "is locked by" in said or "transition is in" in said:
            return Busy(reason=said, passing=True)
        case 409:
            return exception.ProvisionerConflict(reason=said)
        case 400 | 406 | 413 | 422:
            return exception.ProvisionerBadRequest(reason=said)
    return exception.ProvisionerError(
        reason=f"{said} (HTTP {status})",
        passing=status >= 500 or status in (408, 429),
    )
