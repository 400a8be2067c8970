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

"""How long the commands take to start, beside openstack without them.

See README.rst. Each program is started again and again, in turn with the
others, and its own processor time counts: what else the machine does matters
less to that than to a clock.
"""

import argparse
import os
import pathlib
import statistics
import subprocess
import sys
import tempfile

#: Runs openstack as if a distribution were not installed.
WITHOUT = """
import importlib.metadata as metadata
import sys

every = metadata.distributions
metadata.distributions = lambda **asked: (
    found for found in every(**asked) if found.metadata["Name"] != {hidden!r}
)
from openstackclient import shell

sys.exit(shell.main(sys.argv[1:]))
"""
SCRIPTS = pathlib.Path(sys.executable).parent


def program(hidden: str, *arguments: str) -> tuple[str, ...]:
    code = WITHOUT.format(hidden=hidden)
    return (sys.executable, "-c", code, *arguments)


#: What is started: name → program.
PROGRAMS = {
    "openstack --help, without": program("python-valenceclient", "--help"),
    "openstack --help, with": program("nothing", "--help"),
    "openstack module list, without": program(
        "python-valenceclient", "module", "list"
    ),
    "openstack module list, with": program("nothing", "module", "list"),
    "openstack composed node list --help": program(
        "nothing", "composed", "node", "list", "--help"
    ),
    "valence composed node list --help": (
        str(SCRIPTS / "valence"),
        *("composed", "node", "list", "--help"),
    ),
}


def seconds(name: str, cache: pathlib.Path) -> float:
    """Processor time of one run, its own and the system's."""
    # Each has a cache of entry points of its own: they do not see the same.
    environ = os.environ | {
        "XDG_CACHE_HOME": str(cache / name.replace(" ", "_"))
    }
    process = subprocess.Popen(  # noqa: S603 - of ours
        PROGRAMS[name], env=environ, stdout=subprocess.DEVNULL
    )
    _, status, used = os.wait4(process.pid, 0)
    process.returncode = os.waitstatus_to_exitcode(status)
    if process.returncode:
        raise SystemExit(f"{name} ended with {process.returncode}")
    return used.ru_utime + used.ru_stime


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument(
        "--count", type=int, default=15, help="runs of each program"
    )
    options = parser.parse_args()
    taken: dict[str, list[float]] = {name: [] for name in PROGRAMS}
    with tempfile.TemporaryDirectory() as directory:
        for turn in range(options.count + 1):
            for name in PROGRAMS:
                one = seconds(name, pathlib.Path(directory))
                if turn:  # the first fills the caches
                    taken[name].append(one)
    for name, times in taken.items():
        print(
            f"{name:36} {statistics.median(times):.3f} s "
            f"({min(times):.3f}-{max(times):.3f})"
        )
    for what in ("--help", "module list"):
        without, with_it = (
            statistics.median(taken[f"openstack {what}, {kind}"])
            for kind in ("without", "with")
        )
        print(f"openstack {what}: {with_it / without:.2f} times as long")


if __name__ == "__main__":
    main()
