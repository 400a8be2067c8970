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


"""Write the parameters of the API reference, and the tables of them.

The text comes from the fields of the objects, and what is required from the
types that requests are read by. What is no field is in api_ref_texts and
api_ref_stats, the requirements of nodes in api_ref_requirements.
"""

import json
import pathlib
import sys
import typing

import valence.cmd  # noqa: F401 - chooses threads before others do

# isort: split
from api_ref_requirements import REQUIREMENTS
from api_ref_stats import STATS
from api_ref_texts import OTHERS
from oslo_config import cfg
from oslo_policy import opts as policy_opts
from wsme import types as wtypes
import yaml

from valence import context
from valence import exception
from valence import objects
from valence import policies
from valence.api import providers
from valence.api import requirements
from valence.api import routes
from valence.api import types
from valence.api.v1 import flavor
from valence.api.v1 import node
from valence.api.v1 import pod_manager
from valence.api.v1 import resource_class
from valence.api.v1 import resource_provider
from valence.objects import base
from valence.objects import fields as f
from valence.objects import inventory

SOURCE = pathlib.Path(__file__).parents[1] / "api-ref/source"

#: What has a page of its own, and the type that a new one is read by.
NOUNS: dict[type[base.Resource], typing.Any] = {
    objects.Device: None,
    objects.Flavor: flavor.NEW,
    objects.Node: node.NEW,
    objects.Operation: None,
    objects.PodManager: pod_manager.NEW,
    objects.Rack: None,
    objects.ResourceClass: resource_class.NEW,
    objects.ResourceProvider: resource_provider.NEW,
    objects.System: None,
}

#: What is said of what tells of hardware.
FOR_ADMINISTRATORS = " For administrators only, by default."

#: Fields that all of them have.
COMMON = ("uuid", "created_at", "updated_at")

#: Values that the texts leave room for.
VALUES = {
    "node_boot_target": node.Boot.Target,
    "node_reset_type": node.Reset.Type,
}


def parameters() -> dict[str, dict[str, typing.Any]]:
    """All parameters, in the order that os-api-ref wants."""
    found = {
        key: _entry(*facts[:3], _filled(key, facts[3]))
        for key, facts in (OTHERS | STATS).items()
    }
    for cls, new in NOUNS.items():
        found |= _of_noun(cls, new)
    found |= _of_requirements(requirements.Properties)
    found |= _of_inventories()
    places = ("header", "path", "query", "body")
    return dict(
        sorted(
            found.items(),
            key=lambda item: (places.index(item[1]["in"]), item[0].lower()),
        )
    )


def _entry(
    place: str, kind: str, required: bool, description: str, since: int = 0
) -> dict[str, typing.Any]:
    entry = {
        "in": place,
        "type": kind,
        "required": required,
        "description": description,
    }
    if since:
        entry["min_version"] = f"1.{since}"
    return entry


def _filled(key: str, description: str) -> str:
    if key not in VALUES:
        return description
    return description % _words(VALUES[key].datatype.values)


def _words(values: typing.Iterable[str]) -> str:
    return ", ".join(f"``{value}``" for value in sorted(values))


def _of_noun(
    cls: type[base.Resource], new: typing.Any
) -> dict[str, dict[str, typing.Any]]:
    noun = cls.NOUN.replace(" ", "_")
    wanted = {a.name: a for a in wtypes.list_attributes(new)} if new else {}
    found = {}
    for name, field in cls.fields.items():
        if not field.visible:
            continue
        kind, text = _type(field), field.help
        if field.hardware:
            text += FOR_ADMINISTRATORS
        if isinstance(field, f.Enum):
            text += f" One of {_words(field.valid_values)}."
        key = name if name in COMMON else f"{noun}_{name}"
        shown = text + (" May be null." if field.nullable else "")
        found[key] = _entry("body", kind, True, shown, field.since)
        if field.filterable:
            found[f"{key}_query"] = _entry(
                "query", kind, False, f"Only those of this: {text}"
            )
        if field.writable and new:
            if field.length:
                text += f" At most {field.length} characters."
            found[f"{key}_request"] = _entry(
                "body", kind, wanted[name].mandatory, text, field.since
            )
    return found


def _type(field: typing.Any) -> str:
    match field:
        case f.Json():
            return "array" if field.form is list else "object"
        case f.Integer():
            return "integer"
        case f.Float():
            return "number"
        case f.Boolean():
            return "boolean"
    return "string"


def _of_requirements(
    datatype: typing.Any, above: str = ""
) -> dict[str, dict[str, typing.Any]]:
    found = {}
    for attribute in wtypes.list_attributes(datatype):
        path = above + attribute.name
        text, inner = REQUIREMENTS[path], attribute.datatype
        if getattr(attribute, "hardware", False):
            text += FOR_ADMINISTRATORS
        match inner:
            case wtypes.IntegerType():
                kind = "integer"
            case wtypes.ArrayType():
                kind = "array"
                if wtypes.iscomplex(inner.item_type):
                    found |= _of_requirements(inner.item_type, f"{path}.")
            case _ if inner is bool:
                kind = "boolean"
            case types.DocumentType():
                kind = "object"
            case wtypes.Enum():
                kind, text = "string", f"{text} {_words(inner.values)}."
            case wtypes.StringType():
                kind = "string"
            case _:
                kind = "object"
                found |= _of_requirements(inner, f"{path}.")
        found[f"properties.{path}"] = _entry(
            "body", kind, attribute.mandatory, text
        )
    return found


def _of_inventories() -> dict[str, dict[str, typing.Any]]:
    found = {}
    for attribute in wtypes.list_attributes(providers.Inventory):
        field = objects.Inventory.fields[attribute.name]
        text = field.help
        found[f"inventory_{attribute.name}"] = _entry(
            "body", _type(field), True, text
        )
        if attribute.name in providers.DEFAULTS:
            text += f" {providers.DEFAULTS[attribute.name]} by default."
        found[f"inventory_{attribute.name}_request"] = _entry(
            "body", _type(field), attribute.mandatory, text
        )
    return found


def tables() -> dict[str, list[tuple[str, str]]]:
    """What is shown where: file → (name, key of the parameter)."""
    known = parameters()
    found = {
        "properties": [(k, k) for k in known if k.startswith("properties.")]
    }
    for end in ("", "_request"):
        found[f"inventory{end}"] = [
            (f"inventories.CLASS.{name}", f"inventory_{name}{end}")
            for name in inventory.TOLD
        ]
    for cls in NOUNS:
        noun = cls.NOUN.replace(" ", "_")
        keys = {
            name: name if name in COMMON else f"{noun}_{name}"
            for name, field in cls.fields.items()
            if field.visible
        }
        # As the API shows them: the uuid first.
        shown = sorted(keys, key=lambda name: name != "uuid")
        listed = [name for name in shown if not cls.fields[name].detail]
        links = ("links", "links")
        found[noun] = [*((n, keys[n]) for n in shown), links]
        found[f"{noun}_listed"] = [*((n, keys[n]) for n in listed), links]
        for kind in ("query", "request"):
            found[f"{noun}_{kind}"] = [
                (name, f"{key}_{kind}")
                for name, key in keys.items()
                if f"{key}_{kind}" in known
                and (kind == "query" or cls.fields[name].writable)
            ]
    return {name: rows for name, rows in found.items() if rows}


#: Role → those that it implies, as Keystone's bootstrap sets them up.
ROLES = {
    "reader": ["reader"],
    "member": ["member", "reader"],
    "manager": ["manager", "member", "reader"],
    "admin": ["admin", "manager", "member", "reader"],
    "service": ["service"],
}


def roles() -> list[list[str]]:
    """Who may ask what by default: a row for each request."""
    # Whatever an operator has on this machine.
    policy_opts.set_defaults(cfg.CONF, "/nonexistent/policy.yaml")
    cfg.CONF([], project="valence", default_config_files=[])
    policies.reset()
    return [["Request", "Rule", *ROLES]] + [
        [f"``{method} {path}``", f"``valence:{route.rule}``"]
        + [_reach(route.rule, implied) for implied in ROLES.values()]
        for path, methods in routes.ROUTES.items()
        for method, route in methods.items()
        if route.rule is not None
    ]


def _reach(rule: str, implied: list[str]) -> str:
    someone = context.RequestContext(roles=implied, project_id="own")
    try:
        someone.authorize(f"valence:{rule}")
    except exception.Forbidden:
        return "no"
    return "all" if someone.all_projects else "own"


def _list_table(rows: list[list[str]]) -> str:
    lines = [".. list-table::", "   :header-rows: 1", ""]
    for row in rows:
        lines += [
            f"   {' ' if place else '*'} - {cell}"
            for place, cell in enumerate(row)
        ]
    return "\n".join(lines) + "\n"


def render() -> dict[str, str]:
    """All files, by their path in the source of the API reference."""
    note = (
        "Written by tools/generate_api_ref.py (tox -e genapiref); change the\n"
        "{0} help of the objects' fields, the policies, or that tool.\n"
    )
    files = {
        f"tables/{name}.inc": f".. {note.format('  ')}\n"
        ".. rest_parameters:: parameters.yaml\n\n"
        + "".join(f"   - {shown}: {key}\n" for shown, key in rows)
        for name, rows in tables().items()
    }
    files["tables/roles.inc"] = (
        f".. {note.format('  ')}\n{_list_table(roles())}"
    )
    text = yaml.safe_dump(
        parameters(), sort_keys=False, width=76, allow_unicode=True
    )
    openapi = json.dumps(routes.described(), indent=1) + "\n"
    return {
        "openapi.json": openapi,
        "parameters.yaml": f"# {note.format('#')}{text}",
        **files,
    }


def main() -> int:
    for file in SOURCE.glob("tables/*"):
        file.unlink()
    SOURCE.joinpath("tables").mkdir(exist_ok=True)
    for name, text in render().items():
        (SOURCE / name).write_text(text)
    return 0


if __name__ == "__main__":
    sys.exit(main())
