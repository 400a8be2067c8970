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


class _Secret(_Json):
    @staticmethod
    def stringify(value: object) -> str:
        return MASK


class Secret(Json):
    """A document that no client and no log ever sees.

    It is kept for as long as work needs it, in a field that is hidden.
    """

    AUTO_TYPE = _Secret()

    def __init__(self, **kwargs: typing.Any) -> None:
        super().__init__(access=Access.HIDDEN, nullable=True, **kwargs)


class Credentials(Json):
    """``[{"type": "basic", "auth_items": {"username", "password"}}]``.

    Goes in and never comes out: what is shown has a mask for every secret.
    """

    def __init__(self, **kwargs: typing.Any) -> None:
        super().__init__(form=list, **kwargs)

    def shown(self, value: typing.Any, hardware: bool) -> typing.Any:
        return [
            {
                "type": entry["type"],
                "auth_items": {
                    key: item if key == "username" else MASK
                    for key, item in entry["auth_items"].items()
                },
            }
            for entry in value or []
        ]
