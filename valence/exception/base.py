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

"""What all errors are, and those of requests and of what is kept."""

import typing


class ValenceError(Exception):
    """Base of all errors; keyword arguments fill the ``message`` template.

    :ivar detail: the whole message
    :ivar public: what those read who may not know of the hardware
    """

    status = 500
    code = "internal"
    title = "Internal error"
    message = "An unexpected error occurred."
    #: None: all of the message may be read by everybody.
    public: str | None = None

    def __init__(
        self,
        detail: str | None = None,
        *,
        public: str | None = None,
        **values: typing.Any,
    ) -> None:
        self.values = values
        if detail is None:
            # Many begin with what people call a thing: "pod manager x is…".
            detail = self.message % values
            detail = detail[:1].upper() + detail[1:]
        self.detail = detail
        self.public = public or type(self).public or detail
        super().__init__(self.detail)

    def told(self, hardware: bool) -> str:
        """What a client reads.

        :param hardware: whether it may know of the hardware
        """
        return self.detail if hardware else str(self.public)


# -- what a request may have wrong ------------------------------------------


class BadRequest(ValenceError):
    status = 400
    code = "request.invalid"
    title = "Bad request"
    message = "The request is not valid."


class InvalidField(BadRequest):
    """A value in the body, the query or a header that is not acceptable."""

    code = "request.invalid_field"
    message = "Invalid value for '%(field)s': %(reason)s"


class UnknownField(BadRequest):
    code = "request.unknown_field"
    message = "Unknown attribute '%(field)s'. Known: %(known)s."


class UnknownFilter(BadRequest):
    code = "request.unknown_filter"
    message = "Unknown query parameter '%(field)s'. Known: %(known)s."


class ReadOnlyField(BadRequest):
    code = "request.read_only_field"
    message = "'%(field)s' cannot be set."


class MissingField(BadRequest):
    code = "request.missing_field"
    message = "'%(field)s' is required."


class InvalidJson(BadRequest):
    code = "request.invalid_json"
    message = (
        "The body is not valid JSON: %(reason)s (line %(line)d, "
        "column %(column)d)."
    )


class UnreadableBody(BadRequest):
    code = "request.unreadable_body"
    message = "The body cannot be read: %(reason)s"


class InvalidMarker(BadRequest):
    code = "request.invalid_marker"
    message = "marker '%(marker)s' does not name a %(noun)s in this list."


class Unauthenticated(ValenceError):
    status = 401
    code = "request.unauthenticated"
    title = "Unauthorized"
    message = "The request needs %(wanted)s."


class Forbidden(ValenceError):
    status = 403
    code = "policy.forbidden"
    title = "Forbidden"
    message = (
        "The policy does not allow this: it takes what the rule '%(rule)s' "
        "asks for, with a token for a project."
    )


class ForbiddenField(Forbidden):
    """It tells of the hardware, or places something on it."""

    code = "policy.forbidden_field"
    message = "'%(field)s' is for those whom the rule '%(rule)s' lets know it."


class NotFromHere(Forbidden):
    """Nobody is asked who they are, so only this machine is served."""

    code = "request.not_from_here"
    message = (
        "The service asks nobody who they are (auth_strategy = noauth), so "
        "it answers this machine only: %(reason)s"
    )


class NotFound(ValenceError):
    status = 404
    code = "resource.not_found"
    title = "Not found"
    message = "No %(noun)s '%(ident)s'."


class RouteNotFound(NotFound):
    code = "route.not_found"
    message = "No resource at '%(path)s'."


class MethodNotAllowed(ValenceError):
    status = 405
    code = "request.method_not_allowed"
    title = "Method not allowed"
    message = "%(method)s is not allowed here. Allowed: %(allowed)s."


class NotAcceptable(ValenceError):
    status = 406
    code = "request.not_acceptable"
    title = "Not acceptable"
    message = "%(reason)s"


class BodyTooLarge(ValenceError):
    status = 413
    code = "request.too_large"
    title = "Request entity too large"
    message = "The body is larger than %(limit)d bytes."


class UnsupportedMediaType(ValenceError):
    status = 415
    code = "request.unsupported_media_type"
    title = "Unsupported media type"
    message = (
        "Content-Type '%(given)s' is not supported here; send %(wanted)s."
    )


class IdempotencyKeyReused(ValenceError):
    status = 422
    code = "request.idempotency_key_reused"
    title = "Idempotency key reused"
    message = (
        "The Idempotency-Key was used before with another request; "
        "use a new key for a new request."
    )


# -- what stands in the way --------------------------------------------------


class Conflict(ValenceError):
    status = 409
    code = "resource.conflict"
    title = "Conflict"
    message = "The request conflicts with the state of the resource."


class Duplicate(Conflict):
    code = "resource.duplicate"
    message = "There is a %(noun)s with this %(field)s already."


class Busy(Conflict):
    """Another operation holds the noun."""

    code = "resource.busy"
    message = (
        "%(noun)s %(ident)s is in the hands of operation %(operation)s; "
        "wait until it has ended or cancel it."
    )


class WrongState(Conflict):
    code = "resource.wrong_state"
    message = (
        "%(noun)s %(ident)s is '%(state)s'; %(action)s needs it to be "
        "%(wanted)s."
    )


class InUse(Conflict):
    code = "resource.in_use"
    message = "%(noun)s %(ident)s is in use by %(users)s."


class Ambiguous(Conflict):
    code = "resource.ambiguous"
    message = "More than one %(noun)s is called '%(ident)s'; use the uuid."


class Changed(Conflict):
    """Somebody else wrote between our read and our write."""

    code = "resource.changed"
    message = "%(noun)s %(ident)s was changed meanwhile; read it again."


class IdempotencyKeyTaken(Conflict):
    """Another request with the same Idempotency-Key came first."""

    code = "request.idempotency_key_taken"
    message = "A request with this Idempotency-Key is being answered."


class OperationFailed(ValenceError):
    """What a client that waited is told when the operation failed."""

    def __init__(
        self,
        detail: str,
        *,
        public: str,
        status: int,
        code: str,
        location: str,
        **values: typing.Any,
    ) -> None:
        super().__init__(detail, public=public, location=location, **values)
        self.status = status
        self.code = code
        self.title = "The operation failed"


class Unavailable(ValenceError):
    status = 503
    code = "service.unavailable"
    title = "Service unavailable"
    message = "The service cannot answer now; try again later."


class ManagedElsewhere(Conflict):
    """A node that a provisioner drives is asked of Valence."""

    code = "node.managed_elsewhere"
    message = (
        "Node %(ident)s is managed by %(owner)s, which drives its power and "
        "boot source; ask there, or unregister the node first."
    )


class DeviceTaken(Conflict):
    code = "device.taken"
    title = "Device taken"
    message = "Device %(device)s is held by %(holder)s."


class NoFreeDevice(Conflict):
    code = "device.none_free"
    title = "No free device"
    message = (
        "There is no free device of type '%(kind)s' that node %(node)s could "
        "be given."
    )


class NotEnough(Conflict):
    """A provider has less of a class than was asked for."""

    code = "provider.not_enough"
    title = "Not enough"
    message = (
        "Resource provider %(provider)s cannot give %(needed)d of "
        "%(resource_class)s: %(reason)s."
    )


class NoPodManager(Conflict):
    """No pod manager can serve a request; says why of each.

    :param refusals: documents with ``pod_manager``, ``filter`` and
        ``reason``, among others, the nearest first
    """

    code = "node.no_pod_manager"
    title = "No pod manager can serve this"
    public = "Nothing that is free now can serve this."
    #: Those that the message names; all are in ``refusals``.
    NAMED = 20

    def __init__(
        self, refusals: list[dict[str, typing.Any]] | None = None
    ) -> None:
        self.refusals = refusals or []
        parts = [
            f"{refusal['pod_manager']}: {str(refusal['reason']).rstrip('.')}."
            for refusal in self.refusals[: self.NAMED]
        ]
        more = len(self.refusals) - self.NAMED
        if more > 0:
            parts.append(f"{more} others cannot serve it either.")
        filters = dict.fromkeys(r.get("filter") for r in self.refusals)
        in_the_way = ", ".join(name for name in filters if name)
        tried = None in filters
        super().__init__(
            "No pod manager can compose this node. "
            + (" ".join(parts) or "None is registered."),
            public=self.public
            + (f" In the way: {in_the_way}." if in_the_way else "")
            + (
                " What fits was tried, and failed; try again." if tried else ""
            ),
            refusals=self.refusals,
        )
