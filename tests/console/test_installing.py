"""Download Connector: the line where installing is not allowed, pip's own work where it is, what it says when it fails."""

from __future__ import annotations

import re
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from django.test import Client

from apiserver.server.models import Audit
from connections import installing
from connections.connectors import registry
from connections.install_pages import HINTS, OTHERWISE, hint_of
from tests.fakes.extension import DRIVER, Extension, extension

PAGE = "/console/connections/add/tiny/install"


def forget() -> None:
    registry.paths.cache_clear()
    registry.get_connector.cache_clear()
    for name in (DRIVER, "tiny_connector"):
        sys.modules.pop(name, None)


@pytest.fixture
def tiny(settings: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, request: pytest.FixtureRequest) -> Iterator[Extension]:
    settings.DATA_DIR = tmp_path / "data"
    settings.DATA_DIR.mkdir()
    made = extension(tmp_path, **getattr(request, "param", {}))
    for name, value in made.environment.items():
        monkeypatch.setenv(name, value)
    monkeypatch.syspath_prepend(str(made.connector))
    monkeypatch.syspath_prepend(str(made.site))
    forget()
    yield made
    forget()


@pytest.fixture
def allowed(settings: Any) -> None:
    settings.INSTALL_CONNECTORS = True


def ended(actions: int = 3) -> list[tuple[str, str]]:
    """Return the audit trail once it has so many entries."""
    while Audit.objects.count() < actions:
        time.sleep(0.05)
    return list(Audit.objects.order_by("pk").values_list("action", "subject"))


@pytest.mark.django_db
def test_gallery_offers_the_download_and_the_page_the_line(as_admin: Client, tiny: Extension) -> None:
    listed = as_admin.get("/console/connections/add?q=tiny").content.decode()
    page = as_admin.get(PAGE).content.decode()
    added = as_admin.get("/console/connections/add/tiny")

    assert (PAGE in listed, "Download Connector" in listed, "Configure Connection" in listed) == (True, True, False)
    assert f"{sys.executable} -m pip install tinydriver==1.0" in page
    assert ("Download and install" in page, "APISERVER_INSTALL_CONNECTORS=true" in page) == (False, True)
    assert (added.status_code, added["Location"]) == (302, PAGE)


@pytest.mark.django_db
def test_nobody_installs_unless_the_operator_allowed_it(as_admin: Client, as_operator: Client, tiny: Extension, settings: Any) -> None:
    refused = as_admin.post(PAGE).status_code
    settings.INSTALL_CONNECTORS = True
    page = as_operator.get(PAGE).content.decode()

    assert (refused, as_operator.post(PAGE).status_code) == (403, 403)
    assert ("Administrators can install it here." in page, "Download and install" in page) == (True, False)
    assert (Audit.objects.count(), installing.progress("tiny")) == (0, None)


@pytest.mark.parametrize(
    ("environment", "file", "wanted"),
    [
        (None, "", False),
        (None, "[Application]\nInstallConnectors = true\n", True),
        (None, "[Application]\nInstallConnectors = perhaps\n", False),
        (False, "[Application]\nInstallConnectors = true\n", False),
        (True, "", True),
    ],
)
def test_environment_counts_before_settings_cfg(settings: Any, tmp_path: Path, environment: Any, file: str, wanted: bool) -> None:
    settings.DATA_DIR, settings.INSTALL_CONNECTORS = tmp_path, environment
    (tmp_path / "settings.cfg").write_text(file)

    assert installing.is_allowed() is wanted


@pytest.mark.django_db(transaction=True)
def test_installed_connector_works_without_a_restart(as_admin: Client, tiny: Extension, allowed: None) -> None:
    offered = as_admin.get(PAGE).content.decode()
    running = as_admin.post(PAGE, follow=True).content.decode()
    trail = ended(2)
    page = as_admin.get(PAGE).content.decode()

    assert "Download and install" in offered
    assert "Begun by ada" in running
    assert ("without a restart" in page, "Successfully installed tinydriver-1.0" in page) == (True, True)
    assert as_admin.get("/console/connections/add/tiny").status_code == 200
    assert trail == [("connector install begun", "tiny"), ("connector installed", "tiny")]


@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize("tiny", [{"driver": "raise ImportError('libtiny.so: cannot open shared object file')"}], indirect=True)
def test_driver_that_does_not_start_is_a_failure_with_a_hint(as_admin: Client, tiny: Extension, allowed: None) -> None:
    as_admin.post(PAGE)
    trail = ended(2)
    page = as_admin.get(PAGE).content.decode()

    assert trail[-1] == ("connector install failed", "tiny")
    assert ("does not start here" in page, "libtiny.so" in page) == (True, True)


@pytest.mark.django_db(transaction=True)
def test_missing_package_is_a_failure_that_can_be_tried_again(
    as_admin: Client, tiny: Extension, allowed: None, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("PIP_FIND_LINKS", str(tmp_path / "nowhere"))
    as_admin.post(PAGE)
    ended(2)
    page = as_admin.get(PAGE).content.decode()

    assert ("has no such package" in page, "Try again" in page, "No matching distribution" in page) == (True, True, True)


@pytest.mark.django_db
def test_one_installation_at_a_time(as_admin: Client, tiny: Extension, allowed: None) -> None:
    with Path(installing.folder(), "lock").open("a+b") as lock:
        assert installing.try_lock(lock)
        page = as_admin.post(PAGE, follow=True).content.decode()

    assert "Another connector is being installed" in page


@pytest.mark.django_db
def test_installation_that_a_killed_server_left_is_interrupted(as_admin: Client, tiny: Extension, allowed: None) -> None:
    job = {"requirements": ["tinydriver==1.0"], "who": "ada", "started": "2026-11-21T08:00:00+00:00"}
    installing.write("tiny", job)
    Path(installing.folder(), "tiny.log").write_text("Collecting \x1b[31mtinydriver\x1b[0m\n<script>")

    page = as_admin.get(PAGE).content.decode()

    assert ("Interrupted" in page, "Try again" in page) == (True, True)
    assert "Collecting tinydriver\n&lt;script&gt;" in page


def test_installed_packages_stay_as_they_are() -> None:
    lines = installing.frozen().splitlines()

    assert "django==5.2.19" in lines
    assert all("==" in line for line in lines)


def test_every_failure_has_a_hint() -> None:
    known = [
        "ERROR: Could not install packages due to an OSError: [Errno 28] No space left on device",
        "[Errno 13] Permission denied: '/usr/lib'",
        "NewConnectionError(...): Failed to establish a new connection",
        "ERROR: ResolutionImpossible: for help visit",
        "ERROR: No matching distribution found for x==1",
        "/usr/bin/python: No module named pip",
        "Stopped after 1800 seconds.",
        "ModuleNotFoundError: No module named 'x'",
    ]

    assert [hint_of(text) for text in known] == [hint for _, hint in HINTS]
    assert hint_of("something else") == OTHERWISE


@pytest.mark.parametrize("key", ["bigquery", "clickhouse", "oracle", "snowflake", "sqlserver", "trino"])
def test_packaged_connectors_pin_what_they_need(key: str) -> None:
    found = installing.requirements_of(key, registry.get_connector(key))

    assert found
    assert all(re.fullmatch(r"[A-Za-z-]+==[0-9.]+", text) for text in found)
    assert installing.line_of(found) == f"{sys.executable} -m pip install {' '.join(found)}"
