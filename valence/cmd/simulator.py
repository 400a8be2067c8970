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

"""Serve simulated hardware: pods and fabrics that are not there."""

import argparse
import collections.abc
import logging
import signal
import sys

from valence.simulator import Eem
from valence.simulator import EemSpec
from valence.simulator import Pod
from valence.simulator import PodSpec
from valence.simulator import Simulator
from valence.simulator.eem import hardware
from valence.simulator.eem import service
from valence.simulator.rsd import dialects
from valence.simulator.rsd import hardware as rsd_hardware
from valence.simulator.rsd import pool

DESCRIPTION = """\
Serve simulated Intel RSD pods and NEC ExpEther Managers, for demos, for
devstack and for tests.

Each is a pod manager on a port of its own. A pod has racks, systems and a
storage that nodes are composed of, and drives that can be attached to them; an
ExpEther Manager has servers, and devices on their fabric. All is in memory and
gone when this ends. Without any option there is one pod, at
http://127.0.0.1:8443.
"""

EPILOG = """\
pods that differ from one another:
  --pod takes a dialect and, after a colon, what else is different from the
  options --racks, --systems, --profiles, --username, --password,
  --allocate-seconds, --assemble-seconds, --power-seconds, --remote-gib,
  --devices, --fpgas, --enclosures, --disks, --boards, --volumes and --quirks,
  named without the dashes in front. For example, three pods:

    %(prog)s --assemble-seconds 2 \\
        --pod 1.2.1 \\
        --pod 2.1:systems=20,racks=2,profiles=D+D+Platinum \\
        --pod 2.5:systems=8,quirks=no-location+drawers-only

profiles:
{profiles}

disks:
{disks}

boards:
{boards}

quirks:
{quirks}

ExpEther Managers:
  --eem takes any of servers, devices, kinds, cards, username, password,
  version and quirks. For example, two of them beside a pod:

    %(prog)s --pods 1 --eem \\
        --eem servers=20,devices=2000,kinds=GPU+SSD,cards=40g+10g

  kinds: {kinds}
  cards: {cards}
  quirks:
{eem_quirks}

to look at a pod, to set faults and to pull out a system, with no password
from this machine:
    curl http://127.0.0.1:8443/simulator
    curl http://127.0.0.1:8443/simulator/faults \\
        --data '{{"point": "allocate", "cut": "after"}}'
    curl -X DELETE http://127.0.0.1:8443/simulator/systems/1
"""


def _words(text: str) -> tuple[str, ...]:
    return tuple(filter(None, text.split("+")))


#: Names in --pod, which are those of PodSpec, and what makes their values.
SETTINGS: dict[str, collections.abc.Callable[[str], object]] = {
    "racks": int,
    "systems": int,
    "profiles": _words,
    "username": str,
    "password": str,
    "allocate_seconds": float,
    "assemble_seconds": float,
    "power_seconds": float,
    "remote_gib": int,
    "devices": int,
    "fpgas": int,
    "enclosures": int,
    "disks": _words,
    "boards": _words,
    "volumes": int,
    "quirks": _words,
}
#: Names in --eem, which are those of EemSpec.
EEM_SETTINGS: dict[str, collections.abc.Callable[[str], object]] = {
    "servers": int,
    "devices": int,
    "kinds": _words,
    "cards": _words,
    "username": str,
    "password": str,
    "version": str,
    "quirks": _words,
}


def main(argv: collections.abc.Sequence[str] | None = None) -> int:
    parser = _parser()
    args = parser.parse_args(argv)
    if bool(args.certificate) != bool(args.key):
        parser.error("--certificate and --key go together")
    base = {name: getattr(args, name) for name in SETTINGS}
    try:
        specs: list[PodSpec | EemSpec] = [
            _pod(text, base) for text in args.pod
        ]
        alone = not (args.pod or args.eem)
        specs += [PodSpec(dialect=args.dialect, **base)] * (
            int(alone) if args.pods is None else args.pods
        )
        specs += [_eem(text, base) for text in args.eem]
    except ValueError as error:
        parser.error(str(error))
    if not specs:
        parser.error("there is no pod to serve")
    if not 0 <= (args.port or 0) <= 65536 - len(specs):
        parser.error(f"there are not {len(specs)} ports from {args.port} on")

    logging.basicConfig(
        stream=sys.stderr,
        level=logging.WARNING if args.quiet else logging.INFO,
        format="%(asctime)s %(levelname)s %(message)s",
    )
    # Waited for with sigwait(), as a handler would be run by a thread that
    # may be asleep when another one gets the signal. A shell that starts this
    # in the background has SIGINT ignored.
    ends = {signal.SIGTERM, signal.SIGINT}
    for number in ends:
        signal.signal(number, signal.SIG_DFL)
    signal.pthread_sigmask(signal.SIG_BLOCK, ends)
    try:
        simulator = Simulator(
            specs,
            host=args.host,
            port=args.port,
            tls=args.tls or args.certificate is not None,
            certificate=(args.certificate, args.key)
            if args.certificate
            else None,
            make_certificate=args.tls,
            names=args.tls_name or None,
        )
        with simulator:
            for one in simulator.endpoints:
                print(f"{one.url}  {_summary(one)}")
            if simulator.ca_file:
                print(f"CA of the certificates: {simulator.ca_file}")
            sys.stdout.flush()
            signal.sigwait(ends)
    except OSError as error:
        print(f"valence-simulator: {error}", file=sys.stderr)
        return 1
    return 0


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="valence-simulator",
        description=DESCRIPTION,
        epilog=EPILOG.format(
            profiles=_table(
                {
                    name: f"{one.model}, {one.sockets * one.cores} cores, "
                    f"{one.dimms * one.dimm_mib // 1024} GiB"
                    for name, one in rsd_hardware.PROFILES.items()
                },
                "  ",
            ),
            disks=_table(
                {
                    name: f"{one.vendor} {one.model or one.type}, {one.gib} "
                    f"GiB, {one.interface}"
                    for name, one in pool.DRIVES.items()
                },
                "  ",
            ),
            boards=_table(
                {
                    name: f"{one.vendor} {one.model}"
                    for name, one in pool.BOARDS.items()
                },
                "  ",
            ),
            quirks=_table(dialects.QUIRKS, "  "),
            kinds=", ".join(hardware.KINDS),
            cards=", ".join(hardware.CARDS),
            eem_quirks=_table(service.QUIRKS, "    "),
        ),
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    add = parser.add_argument_group("what to serve").add_argument
    add(
        "--pods",
        type=int,
        metavar="N",
        help="how many pods like this (default: 1, or 0 with --pod or --eem)",
    )
    add(
        "--dialect",
        choices=list(dialects.DIALECTS),
        default=PodSpec.dialect,
        help="which release of the PODM they speak as (default: %(default)s)",
    )
    add(
        "--pod",
        action="append",
        default=[],
        metavar="DIALECT[:NAME=VALUE,...]",
        help="one pod that is different, see below; repeat for more",
    )
    add(
        "--eem",
        action="append",
        nargs="?",
        const="",
        default=[],
        metavar="NAME=VALUE,...",
        help="one ExpEther Manager, see below; repeat for more",
    )
    for name, kind, metavar, meaning in (
        ("--racks", int, "N", "racks in a pod"),
        ("--systems", int, "N", "systems in a pod, in all its racks together"),
        ("--username", str, "NAME", "user of Basic authentication"),
        ("--password", str, "WORD", "password of that user"),
        ("--allocate-seconds", float, "S", "how long an allocation takes"),
        ("--assemble-seconds", float, "S", "how long an assembly takes"),
        ("--power-seconds", float, "S", "how long a change of power takes"),
        ("--remote-gib", int, "GIB", "storage to make remote drives from"),
        ("--devices", int, "N", "pooled drives in a pod; from 2.1 on"),
        ("--fpgas", int, "N", "pooled FPGAs in a pod; from 2.4 on"),
        ("--enclosures", int, "N", "enclosures of these in each rack"),
        ("--volumes", int, "N", "volumes to attach in a pod; from 2.3 on"),
    ):
        default = getattr(PodSpec, name.strip("-").replace("-", "_"), "admin")
        text = (
            f"{meaning} (default: {default:g})"
            if kind is not str
            else (f"{meaning} (default: {default})")
        )
        add(name, type=kind, metavar=metavar, default=default, help=text)
    for name, meaning in (
        ("--profiles", "what the systems are, in turn, see below"),
        ("--disks", "what the pooled drives are, in turn, see below"),
        ("--boards", "what the pooled FPGAs are, in turn, see below"),
        ("--quirks", "oddities that the pods show, see below"),
    ):
        words = getattr(PodSpec, name.strip("-"))
        usual = f" (default: {'+'.join(words)})" if words else ""
        add(
            name,
            type=_words,
            default=words,
            metavar="NAME[+NAME...]",
            help=meaning + usual,
        )
    add = parser.add_argument_group("where to serve it").add_argument
    add(
        "--host",
        default="127.0.0.1",
        help="address to listen on (default: %(default)s, this machine only)",
    )
    add(
        "--port",
        type=int,
        help="port of the first one; the others take those that follow; 0: "
        "any free ports (default: from 8443 on for pods and from 30500 on for "
        "ExpEther Managers)",
    )
    add(
        "--tls",
        action="store_true",
        help="serve HTTPS; a certificate that is its own CA is made, at "
        "--certificate and --key or else for this run",
    )
    add(
        "--tls-name",
        action="append",
        metavar="NAME",
        help="make the certificate for this name, and not for the address; "
        "repeat for more",
    )
    add("--certificate", metavar="FILE", help="serve HTTPS with this (PEM)")
    add("--key", metavar="FILE", help="the key of --certificate (PEM)")
    add(
        "--quiet",
        action="store_true",
        help="do not log each request on stderr",
    )
    return parser


def _table(meanings: dict[str, str], indent: str) -> str:
    width = max(map(len, meanings))
    return "\n".join(
        f"{indent}{name:<{width}}  {meaning}"
        for name, meaning in meanings.items()
    )


def _summary(endpoint: Pod | Eem) -> str:
    spec = endpoint.spec
    if isinstance(endpoint, Eem):
        parts = [
            f"EEM {endpoint.spec.version}",
            f"user {spec.username}" if spec.username else "no password",
            f"{len(endpoint.servers)} servers",
            f"{len(endpoint.devices)} devices",
        ]
    else:
        parts = [
            f"dialect {endpoint.spec.dialect}",
            f"user {spec.username}",
            f"{len(endpoint.systems)} systems",
        ]
        if endpoint.devices:
            parts.append(f"{len(endpoint.devices)} devices")
    return ", ".join(parts)


def _pod(text: str, base: dict[str, object]) -> PodSpec:
    """The pod that a value of --pod asks for."""
    dialect, _, settings = text.partition(":")
    try:
        values = base | _settings(settings, SETTINGS)
        return PodSpec(dialect=dialect, **values)  # type: ignore[arg-type]
    except ValueError as error:
        raise ValueError(f"--pod {text}: {error}") from error


def _eem(text: str, base: dict[str, object]) -> EemSpec:
    """The ExpEther Manager that a value of --eem asks for."""
    try:
        values = {name: base[name] for name in ("username", "password")}
        values |= _settings(text, EEM_SETTINGS)
        return EemSpec(**values)  # type: ignore[arg-type]
    except ValueError as error:
        raise ValueError(f"--eem {text}: {error}") from error


def _settings(
    text: str,
    known: dict[str, collections.abc.Callable[[str], object]],
) -> dict[str, object]:
    values = {}
    for setting in filter(None, text.split(",")):
        name, found, value = setting.partition("=")
        name = name.strip().replace("-", "_")
        if name not in known or not found:
            raise ValueError(
                f"give NAME=VALUE with a name out of {', '.join(known)}"
            )
        values[name] = known[name](value)
    return values


if __name__ == "__main__":
    sys.exit(main())
