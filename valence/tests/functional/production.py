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

"""What the page on production shows: its commands and its configuration."""

import os
import pathlib
import re
import sys
import textwrap

TOP = pathlib.Path(__file__).parents[3]
PAGE = TOP / "doc/source/install/production.rst"
#: Where the units look for programs.
BIN = "/opt/valence/bin"
HERE = os.path.dirname(sys.executable)
#: What clients see.
PUBLIC = "https://composition.example.com"
#: The commands of the page that are run, before and after all is started.
RUN_BEFORE = (
    f"{BIN}/valence-dbsync upgrade",
    f"{BIN}/valence-secrets setup",
    f"{BIN}/valence-status upgrade check",
)
RUN_AFTER = (
    f"curl -si {PUBLIC}/healthcheck",
    "openstack pod manager list",
)
#: And those that change the host itself.
HOSTS = (
    r"^(python3 -m venv|/opt/valence/bin/pip install|cd|cp|install|systemctl"
    r"|systemd-(sysusers|tmpfiles)|rabbitmqctl)\b"
)


def blocks(language: str) -> list[str]:
    """What stands in the code blocks of the page."""
    found = re.findall(
        rf"^\.\. code-block:: {language}\n\n((?:   .*\n|\n)+)",
        PAGE.read_text(),
        re.M,
    )
    return [textwrap.dedent(block) for block in found]


def commands() -> dict[str, str]:
    """The commands of the page, each with what it prints."""
    found = {}
    for block in blocks("console"):
        for line in re.split(r"^[#$] ", block, flags=re.M)[1:]:
            command, _, printed = line.partition("\n")
            found[command] = printed.strip()
    return found
