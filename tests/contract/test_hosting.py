"""Another WSGI host and a path prefix: every link carries the prefix, pages and their styles are found."""

from __future__ import annotations

import json
import re
import subprocess
import sys
from collections.abc import Iterator

import pytest

from tests.contract.small import TOKEN, small
from tests.served import ROOT, Served, environment, manage

HEADERS = {"x-cdata-authtoken": TOKEN}
PREFIX = "/gateway/v1"


@pytest.fixture(scope="module")
def hosted(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    folder = tmp_path_factory.mktemp("hosted")
    file = folder / "file.json"
    file.write_text(json.dumps(small(folder, allow_authtoken_in_url=True, page_size=2)), encoding="utf-8")
    data = folder / "data"
    data.mkdir()
    secrets = {"APISERVER_SECRET_KEY": "h" * 50, "APISERVER_ENCRYPTION_KEYS": "hosted-ring"}
    assert manage(data, "apply", str(file), extra=secrets).returncode == 0
    command = [sys.executable, "-m", "tests.contract.prefixed", PREFIX]
    with (folder / "stderr").open("w") as errors:
        process = subprocess.Popen(command, cwd=ROOT, env=environment(data, secrets), stdout=subprocess.PIPE, stderr=errors, text=True)
        assert process.stdout
        port = int(process.stdout.readline())
        yield Served(process, data, {}, f"http://127.0.0.1:{port}")
        process.terminate()
        process.wait(10)


@pytest.mark.parametrize(("token", "headers"), [("", HEADERS), (f"/@{TOKEN}", {})])
def test_links_in_answers_carry_the_prefix(hosted: Served, token: str, headers: dict[str, str]) -> None:
    root = f"{hosted.base}{PREFIX}/api.rsc{token}"
    path = f"{PREFIX}/api.rsc{token}"

    page = json.loads(hosted.get(f"{path}/items?$orderby=name", headers)[2])
    created = hosted.get(f"{path}/items", headers, "POST", {"id": 90, "name": "x"})
    oas = json.loads(hosted.get(f"{path}/$oas", headers)[2])

    assert page["@odata.context"].startswith(f"{root}/$metadata#items")
    assert page["@odata.nextLink"].startswith(f"{root}/items?")
    assert (created[0], created[1]["location"]) == (201, f"{root}/items(90)")
    assert (oas["host"], oas["basePath"]) == (hosted.base.removeprefix("http://"), path)
    following = hosted.get(page["@odata.nextLink"].removeprefix(hosted.base), headers)
    assert (following[0], len(json.loads(following[2])["value"])) == (200, 2)
    assert hosted.get(f"{path}/items(90)", headers, "DELETE")[0] == 204


def test_root_with_and_without_slash(hosted: Served) -> None:
    assert hosted.get(f"{PREFIX}/api.rsc", HEADERS)[0] == hosted.get(f"{PREFIX}/api.rsc/", HEADERS)[0] == 200


def test_pages_and_what_they_name_are_found_below_the_prefix(hosted: Served) -> None:
    status, _, body = hosted.get(f"{PREFIX}/console/sign-in")
    named = re.findall(r'(?:href|src|action)="(/[^"]*)"', body.decode())

    assert status == 200
    assert [name for name in named if not name.startswith(f"{PREFIX}/")] == []
    assert {hosted.get(name)[0] for name in named if "/static/" in name} == {200}
    assert len([name for name in named if "/static/" in name]) >= 4


def test_pages_lead_to_sign_in_below_the_prefix(hosted: Served) -> None:
    found = hosted.open(f"{PREFIX}/")
    assert found == f"{hosted.base}{PREFIX}/console/sign-in?next={PREFIX}/console/"
