"""What `serve` takes from variables, files and flags: each sentence of its contract, on running servers."""

from __future__ import annotations

import json
import ssl
import subprocess
import sys
import time
import urllib.request
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from tests import databases
from tests.contract.small import HEADERS, TOKEN, small
from tests.served import ROOT, Served, environment, manage, publish, serve
from tests.servers import free_port


def follows(claim: Callable[[], bool]) -> bool:
    """Claim that every worker does so after the second it has to follow a change."""
    time.sleep(1)
    return all(claim() for _ in range(10))


@pytest.fixture(scope="module")
def from_files(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    """A server whose every variable is read from a file, started outside its folder, on the port that platforms name."""
    folder = tmp_path_factory.mktemp("files")
    data = folder / "data"
    data.mkdir()
    given = {
        "APISERVER_DATA_DIR": str(data),
        "APISERVER_SECRET_KEY": "s" * 40,
        "APISERVER_ENCRYPTION_KEYS": "ring-of-files",
        "APISERVER_ADMIN_USER": "root",
        "APISERVER_ADMIN_PASSWORD": "correct-horse-battery-9",
        "APISERVER_ALLOWED_HOSTS": "api.example.com, 127.0.0.1",
        "APISERVER_WEB_WORKERS": "1",
        "APISERVER_HOST": "127.0.0.1",
        "PORT": str(free_port()),
    }
    variables = {}
    for name, text in given.items():
        (folder / name).write_text(text + "\n", encoding="utf-8")
        variables[f"{name}_FILE"] = str(folder / name)
    (folder / "file.json").write_text(json.dumps(small(folder)), encoding="utf-8")
    own = {name: value for name, value in environment(data).items() if not name.startswith("APISERVER_")} | variables
    manage_py = [sys.executable, str(ROOT / "manage.py")]
    applied = subprocess.run([*manage_py, "apply", str(folder / "file.json")], cwd=folder, env=own, capture_output=True, text=True)
    assert applied.returncode == 0, applied.stderr
    errors = (folder / "stderr").open("w")
    process = subprocess.Popen([*manage_py, "serve", "--json"], cwd=folder, env=own, stdout=subprocess.PIPE, stderr=errors, text=True)
    assert process.stdout
    line = process.stdout.readline()
    assert line, (folder / "stderr").read_text(encoding="utf-8")
    yield Served(process, data, json.loads(line), f"http://127.0.0.1:{given['PORT']}")
    process.terminate()
    assert process.wait(40) == 0


def test_each_variable_may_come_from_a_file(from_files: Served) -> None:
    assert from_files.get("/api.rsc/items", HEADERS)[0] == 200
    assert from_files.ready["odata"] == f"{from_files.base}/api.rsc/"
    assert from_files.ready["setup_url"] is None
    assert sorted(from_files.ready) == ["console", "event", "oas", "odata", "pid", "setup_url"]


def test_keys_given_are_not_made(from_files: Served) -> None:
    assert not (from_files.data_dir / "secret.key").exists()
    assert not (from_files.data_dir / "encryption.keys").exists()


@pytest.mark.parametrize(("host", "status"), [("api.example.com", 200), ("127.0.0.1", 200), ("evil.example.com", 400)])
def test_only_allowed_hosts_are_answered(from_files: Served, host: str, status: int) -> None:
    assert from_files.get("/api.rsc/items", {**HEADERS, "Host": host})[0] == status
    assert from_files.get("/console/sign-in", {"Host": host})[0] == status


def test_refused_host_is_told_in_the_odata_body_with_security_headers(from_files: Served) -> None:
    status, headers, body = from_files.get("/api.rsc/items", {**HEADERS, "Host": "evil.example.com"})

    assert (status, headers["x-content-type-options"]) == (400, "nosniff")
    assert "APISERVER_ALLOWED_HOSTS" in json.loads(body)["error"]["message"]


def test_one_worker_is_one_process(from_files: Served) -> None:
    children = Path(f"/proc/{from_files.process.pid}/task/{from_files.process.pid}/children").read_text().split()
    web = next(child for child in children if "apiserver.server.web" in Path(f"/proc/{child}/cmdline").read_text())

    assert len(Path(f"/proc/{web}/task/{web}/children").read_text().split()) == 1


@pytest.fixture(scope="module")
def trial(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    folder = tmp_path_factory.mktemp("trial")
    server = publish(small(folder), folder / "data", "--tls-self-signed", "--public-url", "https://api.example.com/")
    yield server
    assert server.stop() == 0


def test_self_signed_certificate_serves_https(trial: Served) -> None:
    assert trial.get("/api.rsc/items", HEADERS)[0] == 200
    assert trial.get("/healthz")[0] == 200


def test_public_url_stands_in_the_ready_line_and_in_links(trial: Served) -> None:
    oas = json.loads(trial.get("/api.rsc/$oas", HEADERS)[2])
    context = json.loads(trial.get("/api.rsc/items", HEADERS)[2])["@odata.context"]

    assert trial.ready["odata"] == "https://api.example.com/api.rsc/"
    assert (oas["host"], oas["basePath"], oas["schemes"]) == ("api.example.com", "/api.rsc", ["https"])
    assert context.startswith("https://api.example.com/api.rsc/$metadata")


def test_cookies_of_https_are_secure(trial: Served) -> None:
    assert "Secure" in trial.get("/console/sign-in")[1]["set-cookie"]


def test_settings_file_is_followed_and_locks(trial: Served) -> None:
    path = f"/api.rsc/@{TOKEN}/items"
    before = trial.get(path)[0]
    file = trial.data_dir / "settings.cfg"

    file.write_text("[Application] AllowAuthtokenInURL = true\n", encoding="utf-8")
    allowed = follows(lambda: trial.get(path)[0] == 200)
    (trial.data_dir / "off.json").write_text(json.dumps({"server": {"allow_authtoken_in_url": False}}), encoding="utf-8")
    applied = manage(trial.data_dir, "apply", str(trial.data_dir / "off.json")).returncode
    time.sleep(1)
    still = trial.get(path)[0]
    file.unlink()

    assert (before, allowed, applied, still) == (401, True, 0, 200)
    assert follows(lambda: trial.get(path)[0] == 401)


def test_certificate_and_key_come_from_variables(trial: Served, tmp_path: Path) -> None:
    (tmp_path / "key-path").write_text(f"{trial.data_dir / 'self-signed.key'}\n", encoding="utf-8")
    pair = {"APISERVER_TLS_CERT": str(trial.data_dir / "self-signed.crt"), "APISERVER_TLS_KEY_FILE": str(tmp_path / "key-path")}
    server = serve(data_dir=tmp_path, extra=pair)
    try:
        context = ssl.create_default_context(cafile=str(trial.data_dir / "self-signed.crt"))
        base = server.base.replace("http:", "https:")
        with urllib.request.urlopen(f"{base}/readyz", timeout=10, context=context) as answer:
            assert answer.status == 200
        assert server.ready["console"] == f"{base}/console/"
    finally:
        assert server.stop() == 0


@pytest.mark.parametrize(
    ("arguments", "variables", "words"),
    [
        (["--tls-cert", "x.pem"], {}, "--tls-cert and --tls-key go together"),
        (["--tls-cert", "/not/there", "--tls-key", "/not/there"], {}, "/not/there does not exist"),
        (["--tls-cert", "README.md", "--tls-key", "README.md"], {}, "README.md is no private key"),
        (["--public-url", "api.example.com"], {}, "The public address 'api.example.com' can't be used"),
        ([], {"APISERVER_PORT": "web"}, "APISERVER_PORT must be a whole number"),
        ([], {"APISERVER_SECRET_KEY": "short"}, "APISERVER_SECRET_KEY is too short"),
        ([], {"APISERVER_SECRET_KEY_FILE": "/not/there"}, "APISERVER_SECRET_KEY_FILE names /not/there"),
        ([], {"APISERVER_DATABASE_URL": "oracle://db/x"}, "APISERVER_DATABASE_URL must start with"),
        ([], {"APISERVER_ADMIN_USER": "root"}, "APISERVER_ADMIN_PASSWORD is not set"),
        ([], {"APISERVER_REDIS_URL": "amqp://h"}, "APISERVER_REDIS_URL is no Redis address"),
        ([], {"APISERVER_WEB_WORKERS": "0"}, "APISERVER_WEB_WORKERS"),
        ([], {"APISERVER_WEB_WORKERS": "two"}, "APISERVER_WEB_WORKERS must be a whole number"),
        ([], {"APISERVER_PORT": "70000"}, "70000"),
        (["--port", "web"], {}, "--port"),
        (["--host", "999.1.1.1"], {}, "Can't listen on 999.1.1.1"),
        ([], {"APISERVER_ADMIN_USER": "a" * 300, "APISERVER_ADMIN_PASSWORD": "x" * 20}, "APISERVER_ADMIN_USER can't be used"),
        ([], {"DATABASE_URL": "postgres://db:port/x"}, "The port in APISERVER_DATABASE_URL"),
        ([], {"DATABASE_URL": "postgres://nobody@127.0.0.1:1/x"}, "The product's own database"),
    ],
)
def test_bad_start_is_told_in_one_line(tmp_path: Path, arguments: list[str], variables: dict[str, str], words: str) -> None:
    done = manage(tmp_path, "serve", *([] if "APISERVER_PORT" in variables else ["--port", "0"]), *arguments, extra=variables, timeout=90)

    assert done.returncode == 1, done.stderr
    assert words in done.stderr
    assert (done.stdout, len(done.stderr.strip().splitlines())) == ("", 1)


@pytest.fixture
def slow(request: pytest.FixtureRequest, tmp_path: Path) -> Served:
    """A server of a view whose one row takes three seconds."""
    database = databases.make("postgresql", "serving", request, tmp_path)
    database.run("CREATE VIEW slow AS SELECT 1 AS id, CAST(pg_sleep(3) AS text) AS waited")
    found = small(tmp_path)
    found["connections"]["slow"] = database.connection
    found["resources"]["slow"] = {"connection": "slow", "table": "slow", "key": ["id"]}
    return publish(found, tmp_path / "data")


def test_stop_finishes_requests_under_way_and_takes_no_more(slow: Served) -> None:
    with ThreadPoolExecutor(1) as pool:
        answer = pool.submit(slow.get, "/api.rsc/slow", HEADERS)
        time.sleep(1)
        slow.process.terminate()
        status, _, body = answer.result(30)
        code = slow.process.wait(40)

    assert (status, json.loads(body)["value"][0]["id"], code) == (200, 1, 0)
    with pytest.raises(OSError):
        slow.get("/healthz")
