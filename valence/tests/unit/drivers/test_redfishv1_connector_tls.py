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

"""The connector of redfishv1 where TLS is spoken, or is not."""

import datetime
import ipaddress
import os
import ssl

from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509 import oid
import fixtures

from valence import exception
from valence.tests.unit.drivers import edge
from valence.tests.unit.drivers import test_redfishv1_connector as connecting


def certificate(directory):
    """A certificate for 127.0.0.1, signed by itself; and its key."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(oid.NameOID.COMMON_NAME, "pod")])
    now = datetime.datetime.now(datetime.UTC)
    made = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - datetime.timedelta(days=1))
        .not_valid_after(now + datetime.timedelta(days=1))
        .add_extension(
            x509.SubjectAlternativeName(
                [x509.IPAddress(ipaddress.ip_address("127.0.0.1"))]
            ),
            critical=False,
        )
        .add_extension(x509.BasicConstraints(True, None), critical=True)
        .sign(key, hashes.SHA256())
    )
    paths = os.path.join(directory, "pem"), os.path.join(directory, "key")
    with open(paths[0], "wb") as file:
        file.write(made.public_bytes(serialization.Encoding.PEM))
    with open(paths[1], "wb") as file:
        file.write(
            key.private_bytes(
                serialization.Encoding.PEM,
                serialization.PrivateFormat.PKCS8,
                serialization.NoEncryption(),
            )
        )
    return paths


class TestTLS(connecting.Case):
    def setUp(self):
        super().setUp()
        directory = self.useFixture(fixtures.TempDir()).path
        self.pem, key = certificate(directory)
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(self.pem, key)
        self.plain = self.edge
        self.edge = edge.Edge()
        self.edge.scheme = "https"
        self.edge.server.socket = context.wrap_socket(
            self.edge.server.socket, server_side=True
        )
        self.edge.start()
        self.addCleanup(self.edge.stop)
        self.edge.on("GET", "/a", edge.Reply(document=connecting.DOCUMENT))
        self.edge.on("POST", "/a", edge.Reply(204))

    def test_not_trusted_by_default(self):
        for call in (self.connect().get, self.connect().post):
            error = self.refused(exception.Unreachable, call, "/a")
            self.assertFalse(error.maybe_done)
            self.assertIn("certificate is not trusted", str(error))
        self.assertEqual([], self.edge.seen())

    def test_not_verified(self):
        made = self.connect(verify=False)
        self.assertEqual(connecting.DOCUMENT, made.document("/a"))

    def test_ca(self):
        self.assertEqual(
            connecting.DOCUMENT, self.connect(verify=self.pem).document("/a")
        )

    def test_ca_that_is_not_there(self):
        error = self.refused(
            exception.Unreachable, self.connect(verify="/none").post, "/a"
        )
        self.assertIn("CA bundle", str(error))
        self.assertFalse(error.maybe_done)

    def test_ca_that_is_none(self):
        path = os.path.join(self.useFixture(fixtures.TempDir()).path, "ca")
        with open(path, "w") as file:
            file.write("not a certificate")
        error = self.refused(
            exception.Unreachable, self.connect(verify=path).post, "/a"
        )
        self.assertFalse(error.maybe_done)

    def test_plain_http_behind_https(self):
        error = self.refused(
            exception.Unreachable,
            self.connect(url=f"https://127.0.0.1:{self.plain.port}").post,
            "/a",
        )
        self.assertFalse(error.maybe_done)
        self.assertIn("does not speak TLS", str(error))

    def test_cut(self):
        self.edge.on("POST", "/a", edge.Reply(cut="reset"))
        error = self.refused(
            exception.Unreachable, self.connect(verify=False).post, "/a"
        )
        self.assertTrue(error.maybe_done)
