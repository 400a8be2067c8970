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

"""The pecan application and what stands around it."""

import logging
import typing
import urllib.parse

from oslo_config import cfg
from oslo_log import log
from oslo_middleware import cors
from oslo_middleware import healthcheck
from oslo_middleware import http_proxy_to_wsgi
from oslo_middleware import request_id
import pecan
import webob

from valence import exception
from valence import rpcapi
from valence.api import auth
from valence.api import errors
from valence.api import idempotency
from valence.api import routes
from valence.api import versions
from valence.api.call import Call

CONF = cfg.CONF
LOG = log.getLogger(__name__)


class Root:
    """Routes every path by the one table, and every error to one place."""

    def __init__(self, nudge: rpcapi.Nudger) -> None:
        self._nudge = nudge

    @pecan.expose()
    def _route(
        self, args: list[str], request: webob.Request
    ) -> tuple[typing.Any, list[str]]:
        # Read here, before pecan would: it parses bodies of any size.
        request.environ["valence.body"] = _read_body(request)
        request.environ["valence.version"] = versions.negotiate(
            request.headers.get(versions.HEADER)
        )
        # No name has NUL in it, and not every database can be asked for it.
        found = None if "\0" in request.path_info else routes.match(args)
        if found is None:
            raise exception.RouteNotFound(path=request.path[:255])
        request.environ["valence.route"] = found
        text = any(route.text for route in found[0].values())
        return (self.tell if text else self.dispatch), []

    @pecan.expose(content_type="application/openmetrics-text")
    @pecan.expose(content_type="text/plain")
    def tell(self, **_query: str) -> webob.Response:
        return self.dispatch()

    @pecan.expose(content_type="application/json")
    def dispatch(self, **_query: str) -> webob.Response:
        request = pecan.request
        handlers, params = request.environ["valence.route"]
        allowed = sorted({*handlers, "OPTIONS", *_head(handlers)})
        method = "GET" if request.method == "HEAD" else request.method
        call = Call(
            request, params, request.environ["valence.body"], self._nudge
        )
        call.context.update_store()
        if method == "OPTIONS":
            response = webob.Response(status=204)
            response.content_type = None
            response.headers["Allow"] = ", ".join(allowed)
        elif method not in handlers:
            raise exception.MethodNotAllowed(
                method=request.method[:32], allowed=", ".join(allowed)
            )
        else:
            route = handlers[method]
            if route.rule is not None:
                # Before anything is read that the client may not know of.
                call.context.authorize(f"valence:{route.rule}")
            response = idempotency.handle(call, route.handler)
        return response


def _head(handlers: dict[str, typing.Any]) -> set[str]:
    return {"HEAD"} if "GET" in handlers else set()


def _read_body(request: webob.Request) -> bytes:
    limit = CONF.api.max_body_size
    if (request.content_length or 0) > limit:
        raise exception.BodyTooLarge(limit=limit)
    if not (request.environ.get("CONTENT_LENGTH") or "0").isdecimal():
        raise exception.UnreadableBody(reason="its length is no number.")
    try:
        raw = request.body_file.read(limit + 1)
    except TimeoutError:
        raise exception.UnreadableBody(reason="it did not come.") from None
    except (OSError, ValueError):
        # From webob or the server: cut off, or in chunks that are none.
        raise exception.UnreadableBody(reason="it is broken off.") from None
    if len(raw) > limit:
        raise exception.BodyTooLarge(limit=limit)
    request.body = b""
    return raw


def _front(app: typing.Any) -> typing.Any:
    """What every answer has, and the one path that is not the API's."""
    healthy = healthcheck.Healthcheck(None, CONF)

    def application(
        environ: dict[str, typing.Any], start_response: typing.Any
    ) -> typing.Any:
        def start(
            status: str,
            headers: list[tuple[str, str]],
            exc_info: typing.Any = None,
        ) -> typing.Any:
            _log(environ, status)
            version = environ.get("valence.version", 0)
            headers += [
                (versions.HEADER, f"{versions.SERVICE_TYPE} 1.{version}"),
                # Caches have to know that the version asked for matters.
                ("Vary", versions.HEADER),
            ]
            return start_response(status, headers, exc_info)

        if not _is_readable(environ):
            # Before a library stumbles over it, and logs how it fell.
            unreadable = exception.BadRequest(
                "The path or the query cannot be read; is it UTF-8?"
            )
            return errors.response(unreadable, environ)(environ, start)
        if environ["PATH_INFO"] == "/healthcheck":
            return healthy(environ, start_response)
        return app(environ, start)

    return application


def _is_readable(environ: dict[str, typing.Any]) -> bool:
    """Whether path and query are UTF-8; WSGI has bytes as Latin-1."""
    query = environ.get("QUERY_STRING", "").encode("latin-1")
    try:
        environ["PATH_INFO"].encode("latin-1").decode()
        urllib.parse.unquote_to_bytes(query).decode()
    except UnicodeDecodeError:
        return False
    return True


def _log(environ: dict[str, typing.Any], status: str) -> None:
    """Who asked for what, in the server's log: what changes something."""
    reads = environ["REQUEST_METHOD"] in ("GET", "HEAD", "OPTIONS")
    LOG.log(
        logging.DEBUG if reads else logging.INFO,
        "%s %s %s from %s",
        environ["REQUEST_METHOD"],
        # It may have anything in it.
        urllib.parse.quote(environ.get("PATH_INFO", ""), errors="replace")[
            :255
        ],
        status.partition(" ")[0],
        environ.get("REMOTE_ADDR"),
        context=environ.get("valence.context"),
    )


def make_application(nudge: rpcapi.Nudger | None = None) -> typing.Any:
    """The WSGI application; objects.base.use_store comes before a request."""
    app = pecan.make_app(
        Root(nudge or rpcapi.Nudger()),
        hooks=[errors.ErrorHook()],
        force_canonical=False,
        guess_content_type_from_ext=False,
    )
    outside = _front(auth.protect(app))
    if CONF.cors.allowed_origin:
        # Without, it would still answer every OPTIONS in its own way.
        outside = cors.CORS(outside, CONF)
    # Passes everything as it is, unless a proxy is configured.
    outside = http_proxy_to_wsgi.HTTPProxyToWSGI(outside, CONF)
    return request_id.RequestId(outside)
