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


"""A pod manager of a few lines, for what no well-behaved one would send."""

import collections.abc
import dataclasses
import http.server
import json
import socket
import struct
import threading
import time
import typing

from valence.drivers import base


@dataclasses.dataclass(frozen=True)
class Reply:
    """What the server sends; ``document`` becomes the body."""

    status: int = 200
    document: typing.Any = None
    body: bytes | None = None
    headers: dict[str, str] = dataclasses.field(default_factory=dict)
    #: 'close' or 'reset' the connection instead, after half the body where
    #: there is one.
    cut: str | None = None
    delay: float = 0.0
    #: Seconds between two bytes of the body.
    drip: float = 0.0

    def content(self) -> bytes:
        if self.body is not None:
            return self.body
        return (
            b""
            if self.document is None
            else json.dumps(self.document).encode()
        )


@dataclasses.dataclass(frozen=True)
class Request:
    method: str
    path: str
    headers: typing.Any
    document: typing.Any


class Edge:
    """Answers from a table; the last of several replies is repeated."""

    def __init__(self) -> None:
        self.requests: list[Request] = []
        self.connections = 0
        self._replies: dict[tuple[str, str], list[Reply]] = {}
        self._lock = threading.Lock()
        self._stop = threading.Event()
        edge = self

        class Handler(http.server.BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"
            # Headers and body in one segment, or Nagle waits 40 ms.
            wbufsize = -1

            def setup(self) -> None:
                super().setup()
                edge.connections += 1

            def _answer(self) -> None:
                edge._answer(self)

            do_GET = do_POST = do_PUT = do_PATCH = do_DELETE = _answer

            def log_message(self, *args: object) -> None:
                pass

        class Server(http.server.ThreadingHTTPServer):
            daemon_threads = True

            def handle_error(self, *args: object) -> None:
                pass

        self.server = Server(("127.0.0.1", 0), Handler)
        self.port = self.server.server_address[1]
        self.scheme = "http"
        self._thread = threading.Thread(
            target=self.server.serve_forever, args=(0.01,), daemon=True
        )

    @property
    def url(self) -> str:
        return f"{self.scheme}://127.0.0.1:{self.port}"

    def start(self) -> "Edge":
        self._thread.start()
        return self

    def stop(self) -> None:
        self._stop.set()
        self.server.shutdown()
        self.server.server_close()
        self._thread.join()

    def on(self, method: str, path: str, *replies: Reply) -> None:
        self._replies[method, path] = list(replies)

    def documents(
        self, documents: collections.abc.Mapping[str, typing.Any]
    ) -> None:
        for path, document in documents.items():
            self.on("GET", path, Reply(document=document))

    def seen(self, method: str | None = None) -> list[str]:
        return [
            request.path
            for request in self.requests
            if method in (None, request.method)
        ]

    def connection(self, **changed: typing.Any) -> base.Connection:
        return base.Connection(
            **{
                "url": self.url,
                "username": "admin",
                "password": "s3cret-word",
                "timeout": 60.0,
                "poll_interval": 0.005,
                "state_timeout": 60.0,
                **changed,
            }
        )

    def _answer(self, handler: http.server.BaseHTTPRequestHandler) -> None:
        length = int(handler.headers.get("Content-Length") or 0)
        sent = handler.rfile.read(length)
        with self._lock:
            self.requests.append(
                Request(
                    handler.command,
                    handler.path,
                    handler.headers,
                    json.loads(sent) if sent else None,
                )
            )
            replies = self._replies.get(
                (handler.command, handler.path), [Reply(404)]
            )
            reply = replies.pop(0) if len(replies) > 1 else replies[0]
        self._stop.wait(reply.delay)
        content = reply.content()
        if not (reply.cut and not content):
            handler.send_response(reply.status)
            for name, value in reply.headers.items():
                handler.send_header(name, value)
            if reply.status != 204:
                handler.send_header("Content-Length", str(len(content)))
            handler.end_headers()
            if reply.cut:
                content = content[: len(content) // 2]
            if reply.drip:
                handler.wfile.flush()
                for at in range(len(content)):
                    handler.wfile.write(content[at : at + 1])
                    handler.wfile.flush()
                    if self._stop.wait(reply.drip):
                        break
            else:
                handler.wfile.write(content)
            handler.wfile.flush()
        if reply.cut:
            handler.close_connection = True
            if reply.cut == "reset":
                handler.connection.setsockopt(
                    socket.SOL_SOCKET,
                    socket.SO_LINGER,
                    struct.pack("ii", 1, 0),
                )
                time.sleep(0.005)


# -- a small pod -------------------------------------------------------------

ROOT = "/redfish/v1"


def link(path: str) -> dict[str, str]:
    return {"@odata.id": path}


def members(*paths: str, **more: typing.Any) -> dict[str, typing.Any]:
    return {
        "Name": "A collection",
        "Members@odata.count": len(paths),
        "Members": [link(path) for path in paths],
        **more,
    }


def root(**changed: typing.Any) -> dict[str, typing.Any]:
    return {
        "@odata.id": ROOT,
        "Id": "RootService",
        "Name": "Root Service",
        "UUID": "92384634-2938-2342-8820-489239905423",
        "RedfishVersion": "1.0.0",
        "Systems": link(f"{ROOT}/Systems"),
        "Chassis": link(f"{ROOT}/Chassis"),
        "Nodes": link(f"{ROOT}/Nodes"),
        "Oem": {"Intel_RackScale": {"ApiVersion": "2.0.0"}},
        **changed,
    }


def nodes(*paths: str, **changed: typing.Any) -> dict[str, typing.Any]:
    return members(
        *paths,
        Actions={
            "#ComposedNodeCollection.Allocate": {
                "target": f"{ROOT}/Nodes/Actions/Allocate"
            }
        },
        **changed,
    )


def node(index: str = "1", **changed: typing.Any) -> dict[str, typing.Any]:
    path = f"{ROOT}/Nodes/{index}"
    return {
        "@odata.id": path,
        "Id": index,
        "Name": "web",
        "Description": "valence:tag-1 ours",
        "UUID": f"00000000-0000-0000-0000-00000000000{index}",
        "PowerState": "Off",
        "ComposedNodeState": "Assembled",
        "Status": {"State": "Enabled", "Health": "OK"},
        "Processors": {"Count": 2, "Model": "Xeon"},
        "Memory": {"TotalSystemMemoryGiB": 32},
        "Boot": {
            "BootSourceOverrideEnabled": "Disabled",
            "BootSourceOverrideTarget": "None",
            "BootSourceOverrideTarget@Redfish.AllowableValues": [
                "None",
                "Pxe",
                "Hdd",
            ],
            "BootSourceOverrideMode": "Legacy",
        },
        "Links": {"ComputerSystem": link(f"{ROOT}/Systems/{index}")},
        "Actions": {
            "#ComposedNode.Reset": {
                "target": f"{path}/Actions/ComposedNode.Reset",
                "ResetType@Redfish.AllowableValues": [
                    "On",
                    "ForceOff",
                    "GracefulShutdown",
                    "ForceRestart",
                    "PushPowerButton",
                    "Nmi",
                ],
            },
            "#ComposedNode.Assemble": {
                "target": f"{path}/Actions/ComposedNode.Assemble"
            },
        },
        **changed,
    }


def system(index: str = "1", **changed: typing.Any) -> dict[str, typing.Any]:
    path = f"{ROOT}/Systems/{index}"
    return {
        "@odata.id": path,
        "Id": index,
        "Name": f"Computer {index}",
        "UUID": f"10000000-0000-0000-0000-00000000000{index}",
        "SystemType": "Physical",
        "PowerState": "On",
        "Status": {"State": "Enabled", "Health": "OK"},
        "ProcessorSummary": {"Count": 2, "Model": "Xeon"},
        "MemorySummary": {"TotalSystemMemoryGiB": 32},
        "Processors": link(f"{path}/Processors"),
        "Links": {"Chassis": [link(f"{ROOT}/Chassis/Sled{index}")]},
        **changed,
    }
