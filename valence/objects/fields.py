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

"""Fields that say everything about themselves, once.

A field is an ordinary oslo.versionedobjects field with the facts that the
API, the database and the documentation need. The facts stay out of the
object's fingerprint: rewording a help text changes no contract.
"""

import copy
import datetime
import enum
import json
import typing
import uuid

from oslo_versionedobjects import fields


class Access(enum.Enum):
    """What a client may do with a field."""

    HIDDEN = "hidden"
    READ = "read"
    CREATE = "create"  #: set when the resource is made, then read
    WRITE = "write"  #: set when it is made, changed by PATCH


class Facts:
    """What a field says beyond its type.

    :param help: one sentence for the API reference
    :param access: what a client may do with it
    :param length: the most characters
    :param since: the first minor microversion that knows it
    :param unique: no two rows have the same value
    :param filterable: lists can be filtered and sorted by it (it is indexed)
    :param detail: left out of lists unless asked for by name
    :param hardware: it tells of hardware that projects share, and is for
        those whom the policy lets know of that
    :param instead: the field that others are shown in its place
    :param computed: no column: counted from other rows where it is read
    """

    def __init__(
        self,
        *args: typing.Any,
        help: str,
        access: Access = Access.READ,
        length: int | None = None,
        since: int = 0,
        unique: bool = False,
        filterable: bool = False,
        detail: bool = False,
        hardware: bool = False,
        instead: str | None = None,
        computed: bool = False,
        **kwargs: typing.Any,
    ) -> None:
        super().__init__(*args, **kwargs)
        self.help = help
        self.access = access
        self.length = length
        self.since = since
        self.unique = unique
        self.filterable = filterable
        self.detail = detail
        self.hardware = hardware
        self.instead = instead
        self.computed = computed

    def shown(self, value: typing.Any, hardware: bool) -> typing.Any:
        """The value as a client may see it.

        :param hardware: whether it may know of the hardware
        """
        return value

    @property
    def visible(self) -> bool:
        return self.access is not Access.HIDDEN

    @property
    def writable(self) -> bool:
        return self.access in (Access.CREATE, Access.WRITE)


class String(Facts, fields.StringField):
    """Text of at most ``length`` characters (255 where none is given)."""

    def __init__(self, *, length: int = 255, **kwargs: typing.Any) -> None:
        super().__init__(length=length, **kwargs)


class _Uuid(fields.UUID):
    @staticmethod
    def coerce(obj: object, attr: str, value: object) -> str:
        try:
            return str(uuid.UUID(str(value)))
        except ValueError:
            raise ValueError(f"'{value}' is not a uuid") from None


class Uuid(Facts, fields.AutoTypedField):
    """A uuid, in its canonical spelling."""

    AUTO_TYPE = _Uuid()

    def __init__(self, **kwargs: typing.Any) -> None:
        super().__init__(length=36, **kwargs)


class Integer(Facts, fields.IntegerField):
    pass


class Float(Facts, fields.FloatField):
    pass


class Boolean(Facts, fields.BooleanField):
    pass


class _Time(fields.DateTime):
    """A time in UTC, as isoformat with microseconds on the wire."""

    def to_primitive(
        self, obj: object, attr: str, value: datetime.datetime
    ) -> str:
        return value.isoformat()


class DateTime(Facts, fields.AutoTypedField):
    AUTO_TYPE = _Time(tzinfo_aware=True)


class Enum(Facts, fields.EnumField):
    """One of the given words."""

    def __init__(
        self, valid_values: typing.Iterable[str], **kwargs: typing.Any
    ) -> None:
        super().__init__(valid_values=list(valid_values), length=32, **kwargs)


class _Json(fields.FieldType):
    def coerce(self, obj: object, attr: str, value: object) -> object:
        try:
            json.dumps(value)
        except (TypeError, ValueError) as e:
            raise ValueError(f"{attr} holds what JSON cannot: {e}") from None
        # A copy: who gave the value may go on changing it.
        return copy.deepcopy(value)

    def from_primitive(self, obj: object, attr: str, value: object) -> object:
        return copy.deepcopy(value)

    def to_primitive(self, obj: object, attr: str, value: object) -> object:
        return copy.deepcopy(value)


class Json(Facts, fields.AutoTypedField):
    """A document: anything that JSON can say.

    :param form: dict or list: what a client finds on the outside
    """

    AUTO_TYPE = _Json()

    def __init__(
        self, *, form: type[dict] | type[list] = dict, **kwargs: typing.Any
    ) -> None:
        super().__init__(**kwargs)
        self.form = form


class Steps(Json):
    """The steps of an operation.

    What tells of the hardware is the message of one that failed, and the name
    where there is a ``public`` one beside it.
    """

    def __init__(self, **kwargs: typing.Any) -> None:
        super().__init__(form=list, **kwargs)

    def shown(self, value: typing.Any, hardware: bool) -> typing.Any:
        unshown = ("public",) if hardware else ("public", "message")
        shown = []
        for step in value:
            name = step["name"] if hardware else step.get("public")
            shown.append(
                {key: step[key] for key in step if key not in unshown}
                | {"name": name or step["name"]}
            )
        return shown


class Refusals(Json):
    """Why no pod manager could serve, one document for each.

    Who may not know of them is told what they were turned down for, and what
    was asked for.
    """

    def __init__(self, **kwargs: typing.Any) -> None:
        super().__init__(form=list, **kwargs)

    def shown(self, value: typing.Any, hardware: bool) -> typing.Any:
        if hardware:
            return value
        kinds = [
            {key: refusal.get(key) for key in ("filter", "needed")}
            for refusal in value
            # What was tried and failed was turned down by no filter.
            if refusal.get("filter")
        ]
        return [kind for i, kind in enumerate(kinds) if kind not in kinds[:i]]


class Project(String):
    """The project that something is for; empty where it is everybody's.

    A value and not null: the database keeps names unique for each project,
    and null is unlike any other null.
    """

    def __init__(self, **kwargs: typing.Any) -> None:
        super().__init__(length=64, **kwargs)

    def shown(self, value: typing.Any, hardware: bool) -> typing.Any:
        return value or None


MASK = "***"

Change = typing.Callable[[tuple[typing.Any, ...], typing.Any], typing.Any]


class Sealed(dict[str, str]):
    """A secret that is encrypted; what is in it is for valence.keys."""


def sealed(value: typing.Any) -> typing.Any:
    """A document as it is kept, with what is encrypted known as that."""
    if isinstance(value, list):
        return [sealed(item) for item in value]
    if isinstance(value, dict):
        if set(value) == {"key", "fernet"} and all(
            isinstance(item, str) for item in value.values()
        ):
            return Sealed(value)
        return {key: sealed(item) for key, item in value.items()}
    return value


class _Document(_Json):
    def from_primitive(self, obj: object, attr: str, value: object) -> object:
        return sealed(value)


class Secret(Json):
    """A document of secrets: encrypted where it is kept, and never shown.

    Each value in it is encrypted by itself, so that its shape and what is no
    secret can be read without a key. An object that was read has it as it is
    kept, with each secret :class:`Sealed`; :meth:`opened` is for who needs
    them. An object that is about to be written may have secrets as they are.

    :param plain: keys whose values are no secrets
    """

    AUTO_TYPE = _Document()

    def __init__(
        self, *, plain: typing.Collection[str] = (), **kwargs: typing.Any
    ) -> None:
        super().__init__(**kwargs)
        self.plain = frozenset(plain)

    def changed(self, value: typing.Any, change: Change) -> typing.Any:
        """A copy with each secret, by its path, changed."""

        def walk(at: tuple[typing.Any, ...], item: typing.Any) -> typing.Any:
            if isinstance(item, dict) and not isinstance(item, Sealed):
                return {key: walk((*at, key), item[key]) for key in item}
            if isinstance(item, list):
                return [walk((*at, n), one) for n, one in enumerate(item)]
            if item is None or (at and at[-1] in self.plain):
                return item
            return change(at, item)

        return walk((), value)

    def encrypted(
        self,
        value: typing.Any,
        encrypt: typing.Callable[[str], dict[str, str]],
        renew: typing.Callable[[dict[str, str]], dict[str, str]],
    ) -> typing.Any:
        """What is to be kept.

        :param encrypt: makes what becomes Sealed, of JSON
        :param renew: brings what is Sealed up to date
        """
        return self.changed(
            value,
            lambda _, item: Sealed(
                renew(item)
                if isinstance(item, Sealed)
                else encrypt(json.dumps(item))
            ),
        )

    def opened(
        self,
        value: typing.Any,
        decrypt: typing.Callable[[dict[str, str]], str],
    ) -> typing.Any:
        """The document with its secrets as they are."""
        return self.changed(
            value,
            lambda _, item: (
                json.loads(decrypt(item)) if isinstance(item, Sealed) else item
            ),
        )

    def masked(self, value: typing.Any) -> typing.Any:
        return self.changed(value, lambda *_: MASK)

    def shown(self, value: typing.Any, hardware: bool) -> typing.Any:
        return self.masked(value)

    def unmasked(self, value: typing.Any, before: typing.Any) -> typing.Any:
        """A document with what was there before where it has a mask.

        :raises: KeyError, with the path of a mask that there was nothing for
        """
        known: dict[tuple[typing.Any, ...], typing.Any] = {}
        self.changed(before, known.__setitem__)
        return self.changed(
            value, lambda at, item: known[at] if item == MASK else item
        )

    def stringify(self, value: typing.Any) -> str:
        # What repr() shows of an object.
        return str(self.masked(value))


class Credentials(Secret):
    """``[{"type": "basic", "auth_items": {"username", "password"}}]``."""

    def __init__(self, **kwargs: typing.Any) -> None:
        super().__init__(form=list, plain=("type", "username"), **kwargs)
