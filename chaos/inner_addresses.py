"""Addresses that a server must not call for anybody: inner ones in every spelling, names that lead there, and what is no address."""

from __future__ import annotations

PORT = 9
OCTETS = ("127.0.0.1", "10.1.2.3", "172.16.0.1", "192.168.1.1", "169.254.169.254", "100.64.0.1", "0.0.0.0", "198.18.0.1")
V4 = (
    "127.255.255.254", "10.0.0.0", "10.255.255.255", "172.31.255.255", "192.168.255.255", "169.254.170.2", "169.254.0.1", "100.127.255.255",
    "100.100.100.200", "192.0.0.192", "168.63.129.16", "192.0.2.1", "198.51.100.1", "203.0.113.1", "224.0.0.1", "239.255.255.250",
    "240.0.0.1", "255.255.255.255", "192.88.99.1", "127.1", "127.0.1", "10.1", "0", "1", "0x7f.1", "0177.1", "127.0.0.1.", "00127.0.0.1",
    "127.0.0.001", "0x7f.0x0.0x0.0x1", "017700000001", "0x07f000001", "127.0.0.0x1", "0xa9.254.0251.254", "１２７.0.0.1", "①②⑦.0.0.1",
    "127。0。0。1", "4294967295",
)  # fmt: skip
V6 = (
    "::1", "::", "::2", "0:0:0:0:0:0:0:1", "0000::0001", "fc00::1", "fd00::1", "fd00:ec2::254", "fdff:ffff::1", "fe80::1", "fe80::1%25lo",
    "febf::1", "fec0::1", "ff01::1", "ff02::1", "ff05::2", "100::1", "2001::1", "2001:0:7f00:1::", "2001:db8::1", "2001:10::1",
    "64:ff9b:1::7f00:1", "64:ff9b:1::a9fe:a9fe", "::127.0.0.1", "::169.254.169.254", "::ffff:0:127.0.0.1", "2001:20::1",
    "fd20:ce::254",
)  # fmt: skip
NAMES = (
    "localhost", "LOCALHOST", "localhost.", "LocalHost", "ip6-localhost", "metadata", "metadata.google.internal", "metadata.goog",
    "instance-data", "kubernetes.default.svc", "consul.service", "db.intern", "127.0.0.1.nip.example", "169.254.169.254.nip.example",
    "10.0.0.1.sslip.example", "rebind.example", "both.example", "six.example", "mapped.example", "translated.example",
)  # fmt: skip
TRICKS = (
    "https://user@127.0.0.1:{port}/", "https://user:password@127.0.0.1:{port}/", "https://example.com@127.0.0.1:{port}/",
    "https://127.0.0.1:{port}#@example.com/", "https://127.0.0.1:{port}?@example.com/", "https://127.0.0.1:{port}\\@example.com/",
    "https://example.com\\@127.0.0.1:{port}/", "https://example.com:443@127.0.0.1:{port}/", "https://127.0.0.1:{port}/..;/",
    "https://127.0.0.1:0{port}/", "https://127.0.0.1%00.example.com:{port}/",
    "https://127.0.0.1%2e:{port}/", "https://%31%32%37.0.0.1:{port}/",
    "https://[::1]@example.com:{port}/", "https://[::ffff:127.0.0.1]:{port}/", "https://127.0.0.1\t:{port}/", "https://127.0.0.1\n:{port}/",
    " https://127.0.0.1:{port}/", "HTTPS://127.0.0.1:{port}/", "hTTp://127.0.0.1:{port}/",
    "https:127.0.0.1:{port}/", "https:/127.0.0.1:{port}/",
    "https:///127.0.0.1:{port}/", "https:\\\\127.0.0.1:{port}/", "//127.0.0.1:{port}/", "http://localhost:{port}/", "http://127.0.0.1:{port}/",
    "http://[::1]:{port}/", "http://169.254.169.254/latest/meta-data/", "http://metadata.google.internal/computeMetadata/v1/",
    "http://100.100.100.200/latest/", "http://192.168.1.1/", "ftp://127.0.0.1:{port}/", "file:///etc/passwd", "file://localhost/etc/passwd",
    "gopher://127.0.0.1:{port}/_x", "dict://127.0.0.1:{port}/x", "ldap://127.0.0.1:{port}/", "jar:https://127.0.0.1:{port}!/x",
    "unix:///var/run/docker.sock", "http+unix://%2fvar%2frun%2fdocker.sock/", "data:application/json,[]", "javascript:alert(1)",
    "https://127.0.0.1:99999/", "https://127.0.0.1:-1/", "https://127.0.0.1:{port}:443/", "https://[::1/", "https://[/]:{port}/",
)  # fmt: skip
# What the names lead to when they are looked up; a list is given in turn, so that a second look-up leads elsewhere.
LOOKED_UP: dict[str, list[list[str]]] = {
    "rebind.example": [["93.184.215.14"], ["127.0.0.1"]],
    "both.example": [["127.0.0.1", "93.184.215.14"]],
    "six.example": [["::1"]],
    "mapped.example": [["::ffff:169.254.169.254"]],
    "translated.example": [["64:ff9b::a9fe:a9fe"]],
    "10.0.0.1.sslip.example": [["10.0.0.1"]],
    "169.254.169.254.nip.example": [["169.254.169.254"]],
}


def spellings(address: str) -> list[str]:
    """Return hosts that all mean one IPv4 address."""
    octets = [int(part) for part in address.split(".")]
    number = int.from_bytes(bytes(octets), "big")
    high, low = f"{number >> 16:x}", f"{number & 0xFFFF:x}"
    return [
        address, str(number), hex(number), f"0{number:o}", ".".join(f"0{part:o}" for part in octets),
        ".".join(hex(part) for part in octets),
        f"[::ffff:{address}]", f"[::ffff:{high}:{low}]", f"[64:ff9b::{high}:{low}]", f"[2002:{high}:{low}::1]",
    ]  # fmt: skip


def inner_addresses(port: int = PORT) -> list[str]:
    """Return every address, each once."""
    hosts = [host for address in OCTETS for host in spellings(address)] + [*V4, *(f"[{host}]" for host in V6), *NAMES]
    return list(dict.fromkeys([f"https://{host}:{port}/" for host in hosts] + [trick.format(port=port) for trick in TRICKS]))
