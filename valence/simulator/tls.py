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

"""Certificates for endpoints that speak HTTPS."""

import collections.abc
import dataclasses
import datetime
import ipaddress
import os
import pathlib
import ssl
import typing

from cheroot import makefile
import cheroot.ssl
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID


@dataclasses.dataclass(frozen=True)
class Certificate:
    """The files that a server proves itself with (PEM)."""

    certificate: str
    key: str


def self_signed(
    certificate: str, key: str, hosts: collections.abc.Iterable[str]
) -> Certificate:
    """Write a new certificate for ``hosts``, which is its own CA as well."""
    private = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name(
        [x509.NameAttribute(NameOID.COMMON_NAME, "valence-simulator")]
    )
    now = datetime.datetime.now(datetime.UTC)
    signed = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(private.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - datetime.timedelta(hours=1))
        .not_valid_after(now + datetime.timedelta(days=365))
        .add_extension(
            x509.SubjectAlternativeName([_name(host) for host in hosts]),
            critical=False,
        )
        .add_extension(
            x509.BasicConstraints(ca=True, path_length=0), critical=True
        )
        .sign(private, hashes.SHA256())
    )
    # The key is never readable by others, not even between two calls.
    descriptor = os.open(key, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    with os.fdopen(descriptor, "wb") as file:
        file.write(
            private.private_bytes(
                serialization.Encoding.PEM,
                serialization.PrivateFormat.PKCS8,
                serialization.NoEncryption(),
            )
        )
    pathlib.Path(certificate).write_bytes(
        signed.public_bytes(serialization.Encoding.PEM)
    )
    return Certificate(certificate, key)


def _name(host: str) -> x509.GeneralName:
    try:
        return x509.IPAddress(ipaddress.ip_address(host))
    except ValueError:
        return x509.DNSName(host)


class Adapter(cheroot.ssl.Adapter):
    """TLS whose handshake is left to the connection's own thread.

    cheroot's own adapter shakes hands where it accepts connections, so that
    one client that connects and says nothing holds up all others.
    """

    def __init__(self, certificate: Certificate) -> None:
        self.context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
        self.context.load_cert_chain(certificate.certificate, certificate.key)

    def bind(self, sock: typing.Any) -> typing.Any:
        return sock

    def wrap(self, sock: typing.Any) -> tuple[ssl.SSLSocket, dict[str, str]]:
        wrapped = self.context.wrap_socket(
            sock, server_side=True, do_handshake_on_connect=False
        )
        return wrapped, self.get_environ()

    def get_environ(self) -> dict[str, str]:
        return {"wsgi.url_scheme": "https", "HTTPS": "on"}

    def makefile(
        self, sock: typing.Any, mode: str = "r", bufsize: int = -1
    ) -> typing.Any:
        return makefile.MakeFile(sock, mode, bufsize)
