"""TLS files for `manage.py serve`: keys in the form the web server takes, and a self-signed pair for trials."""

from __future__ import annotations

import datetime
import ipaddress
import os
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID


def private_file(path: Path, content: bytes) -> Path:
    """Write a file that only its owner can read."""
    path.unlink(missing_ok=True)
    with os.fdopen(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "wb") as file:
        file.write(content)
    return path


def pkcs8(key: Path, folder: Path) -> Path:
    """Return a key file in PKCS #8, the only form granian reads; raises ValueError for what is no key."""
    content = key.read_bytes()
    if b"BEGIN PRIVATE KEY" in content:
        return key
    loaded = serialization.load_pem_private_key(content, password=None)
    form = (serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
    return private_file(folder / "tls.key.pkcs8", loaded.private_bytes(*form))


def self_signed(folder: Path, host: str, now: datetime.datetime) -> tuple[Path, Path]:
    """Return certificate and key for trials, made anew when absent or within a week of its end."""
    certificate, key = folder / "self-signed.crt", folder / "self-signed.key"
    if certificate.exists() and key.exists():
        loaded = x509.load_pem_x509_certificate(certificate.read_bytes())
        if loaded.not_valid_after_utc > now + datetime.timedelta(days=7):
            return certificate, key
    private = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, host)])
    builder = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(private.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - datetime.timedelta(hours=1))
        .not_valid_after(now + datetime.timedelta(days=365))
        .add_extension(x509.SubjectAlternativeName(alternative_names(host)), critical=False)
        .add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
    )
    certificate.write_bytes(builder.sign(private, hashes.SHA256()).public_bytes(serialization.Encoding.PEM))
    form = (serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
    return certificate, private_file(key, private.private_bytes(*form))


def alternative_names(host: str) -> list[x509.GeneralName]:
    """Return the names a trial certificate answers to: this machine and the host given."""
    names: list[x509.GeneralName] = [x509.DNSName("localhost"), x509.IPAddress(ipaddress.ip_address("127.0.0.1"))]
    names.append(x509.IPAddress(ipaddress.ip_address("::1")))
    try:
        address = ipaddress.ip_address(host)
        if not address.is_unspecified and not address.is_loopback:
            names.append(x509.IPAddress(address))
    except ValueError:
        if host != "localhost":
            names.append(x509.DNSName(host))
    return names
