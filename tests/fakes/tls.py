"""A certificate authority for one test, and a server's context with a certificate of it."""

from __future__ import annotations

import datetime
import ssl
from collections.abc import Sequence
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

DAY = datetime.timedelta(days=1)


def authority(path: Path, hosts: Sequence[str]) -> ssl.SSLContext:
    """Write the authority's certificate to `path`; return the context of a server that has these names."""
    root_key, key = ec.generate_private_key(ec.SECP256R1()), ec.generate_private_key(ec.SECP256R1())
    root_name = named("Authority of a test")
    constraints = x509.BasicConstraints(ca=True, path_length=0)
    root = begun(root_name, root_name, root_key.public_key()).add_extension(constraints, critical=True).sign(root_key, hashes.SHA256())
    names = x509.SubjectAlternativeName([x509.DNSName(host) for host in hosts])
    leaf = begun(named(hosts[0]), root_name, key.public_key()).add_extension(names, critical=False).sign(root_key, hashes.SHA256())
    path.write_bytes(root.public_bytes(serialization.Encoding.PEM))
    both = path.with_suffix(".server.pem")
    both.write_bytes(
        key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
        + leaf.public_bytes(serialization.Encoding.PEM)
    )
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(both)
    return context


def named(name: str) -> x509.Name:
    """Return a common name."""
    return x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)])


def begun(subject: x509.Name, issuer: x509.Name, key: ec.EllipticCurvePublicKey) -> x509.CertificateBuilder:
    """Return a certificate that is valid around now."""
    now = datetime.datetime.now(datetime.UTC)
    found = x509.CertificateBuilder().subject_name(subject).issuer_name(issuer).public_key(key)
    return found.serial_number(x509.random_serial_number()).not_valid_before(now - DAY).not_valid_after(now + 30 * DAY)
