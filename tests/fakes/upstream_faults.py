"""The faults of tests.fakes.upstream by name: each writes to the socket itself; endless ones end with the service."""

from __future__ import annotations

import gzip
import json
import socket
import struct
from collections.abc import Callable
from typing import Any

ROW = {"id": 1, "name": "one"}
PAGE = {"values": [ROW]}


def whole(handler: Any, status: int, body: bytes, **headers: str) -> None:
    handler.send_response(status)
    sent = {"Content-Type": "application/json", "Content-Length": str(len(body))}
    for name, value in {**sent, **{n.replace("_", "-"): v for n, v in headers.items()}}.items():
        handler.send_header(name, value)
    handler.end_headers()
    handler.wfile.write(body)


def answering(status: int, body: Any, **headers: str) -> Callable[..., None]:
    content = body if isinstance(body, bytes) else json.dumps(body).encode()
    return lambda handler, upstream, seen: whole(handler, status, content, **headers)


def linking(link: Callable[[Any, Any], Any]) -> Callable[..., None]:
    return lambda handler, upstream, seen: whole(handler, 200, json.dumps({"values": [ROW], "next": link(upstream, seen)}).encode())


def raw(*parts: bytes, reset: bool = False) -> Callable[..., None]:
    """Write bytes and close, or reset the connection."""

    def fault(handler: Any, upstream: Any, seen: Any) -> None:
        for part in parts:
            handler.wfile.write(part)
        handler.wfile.flush()
        handler.close_connection = True
        if reset:
            handler.connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
            handler.connection.close()

    return fault


def dripping(first: bytes, drop: bytes) -> Callable[..., None]:
    def fault(handler: Any, upstream: Any, seen: Any) -> None:
        handler.wfile.write(first)
        while not upstream.stopped.wait(0.05):
            handler.wfile.write(drop)

    return fault


def endless(handler: Any, upstream: Any, seen: Any) -> None:
    handler.wfile.write(b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\n\r\n[")
    while not upstream.stopped.is_set():
        handler.wfile.write(b'{"id": 1},' * 10_000)


def recovering(times: int, status: int, **headers: str) -> Callable[..., None]:
    """Fail a few times, then answer with the page."""

    def fault(handler: Any, upstream: Any, seen: Any) -> None:
        name = seen.path.split("/")[2]
        failing = upstream.faults_met[name] <= times
        whole(handler, status if failing else 200, json.dumps({"message": "busy"} if failing else PAGE).encode(), **headers)

    return fault


def growing(handler: Any, upstream: Any, seen: Any) -> None:
    """Say that there is more for ever, with rows that were there before."""
    whole(handler, 200, json.dumps({"values": [ROW], "next": f"{upstream.url}{seen.path}?page={len(upstream.calls)}"}).encode())


HEAD = b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\n"
FAULTS: dict[str, Callable[..., None]] = {
    "endless_body": endless,
    "drip_body": dripping(HEAD + b"Content-Length: 100000\r\n\r\n[", b" "),
    "drip_head": dripping(b"HTTP/1.1 200 OK\r\n", b"X: y\r\n"),
    "silent": dripping(b"", b""),
    "closed": raw(),
    "reset": raw(HEAD + b"Content-Length: 1000\r\n\r\n[1,", reset=True),
    "short_body": raw(HEAD + b"Content-Length: 1000\r\n\r\n[{"),
    "short_chunks": raw(HEAD + b"Transfer-Encoding: chunked\r\n\r\n5\r\n[1,2,\r\n"),
    "no_http": raw(b"SSH-2.0-OpenSSH_9.2\r\n\r\n"),
    "half_json": answering(200, b'{"values": [{"id": 1}, {"id":'),
    "html": answering(200, b"<html><body>Please sign in</body></html>", Content_Type="text/html"),
    "empty": answering(200, b""),
    "no_content": answering(204, b""),
    "deep": answering(200, b"[" * 100_000 + b"]" * 100_000),
    "not_a_number": answering(200, b'{"values": [{"id": NaN}]}'),
    "not_utf8": answering(200, b'{"values": [{"id": 1, "name": "\xff\xfe"}]}'),
    "long_number": answering(200, b'{"values": [{"id": ' + b"9" * 6000 + b"}]}"),
    "gzip_bomb": answering(200, gzip.compress(b" " * 20_000_000), Content_Encoding="gzip"),
    "bad_gzip": answering(200, b"this is no gzip", Content_Encoding="gzip"),
    "storm": answering(429, {"message": "Rate limit for this resource has been exceeded"}),
    "storm_long": answering(429, {"message": "slow down"}, Retry_After="1000000000"),
    "storm_passes": recovering(2, 429, Retry_After="0"),
    "http_500": answering(500, {"message": "we broke"}),
    "http_502": answering(502, b"<html>bad gateway</html>"),
    "http_503": answering(503, {"message": "maintenance"}, Retry_After="120"),
    "http_503_plain": answering(503, {"message": "maintenance"}),
    "http_504": answering(504, {"message": "late"}),
    "recovers": recovering(2, 503),
    "refused_key": answering(401, {"error": {"message": "Invalid API key"}}),
    "forbidden": answering(403, {"error": {"message": "No scope"}}),
    "error_as_200": answering(200, {"error": {"message": "Quota is used up"}}),
    "gone": answering(410, {"error": {"message": "CHANGE-2770"}}),
    "next_itself": linking(lambda upstream, seen: f"{upstream.url}{seen.path}"),
    "next_foreign": linking(lambda upstream, seen: "https://attacker.example/rows"),
    "next_inside": linking(lambda upstream, seen: "http://169.254.169.254/latest/meta-data"),
    "next_other_port": linking(lambda upstream, seen: f"http://127.0.0.1:{upstream.port - 1}/rows"),
    "next_is_no_text": linking(lambda upstream, seen: {"href": 1}),
    "next_scheme": linking(lambda upstream, seen: "file:///etc/passwd"),
    "next_same_rows": growing,
    "redirect_foreign": answering(302, b"", Location="https://attacker.example/rows"),
    "redirect_inside": answering(302, b"", Location="http://169.254.169.254/latest/meta-data"),
    "redirect_loop": lambda handler, upstream, seen: whole(handler, 302, b"", Location=f"{seen.path}?n={len(upstream.calls)}"),
    "rows_are_text": answering(200, {"values": "none"}),
    "rows_are_gone": answering(200, {"items": [ROW]}),
    "row_is_number": answering(200, {"values": [1, 2]}),
    "changed_type": answering(200, {"values": [{"id": {"new": "object"}, "name": "one"}]}),
    "word_for_number": answering(200, {"values": [{"id": "many", "name": "one"}]}),
}
