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

"""What the text of an option says: pairs, JSON, a file."""

import argparse
import json
import sys
import typing


def pair(text: str) -> tuple[str, str]:
    """``KEY=VALUE`` of an option."""
    key, equals, value = text.partition("=")
    if not (key and equals):
        raise argparse.ArgumentTypeError(f"KEY=VALUE is wanted, not '{text}'")
    return key, value


def pairs(text: str) -> dict[str, str]:
    """``KEY=VALUE,KEY=VALUE`` of an option."""
    return dict(pair(part) for part in text.split(","))


def json_object(text: str) -> dict[str, typing.Any]:
    """JSON of an option, or ``@FILE``; ``@-``: standard input."""
    if text.startswith("@"):
        text = content(text[1:])
    try:
        found = json.loads(text)
    except ValueError as e:
        raise argparse.ArgumentTypeError(f"this is no JSON: {e}") from None
    except RecursionError:
        raise argparse.ArgumentTypeError("this is nested too deep") from None
    if not isinstance(found, dict):
        raise argparse.ArgumentTypeError("a JSON object is wanted")
    return found


def content(path: str) -> str:
    """What stands in the file that an option names; ``-``: standard input."""
    try:
        if path == "-":
            return sys.stdin.read()
        with open(path) as file:
            return file.read()
    except (OSError, UnicodeDecodeError) as e:
        raise argparse.ArgumentTypeError(f"{path}: {e}") from None
