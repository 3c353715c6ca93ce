"""A replica on PostgreSQL as Salesforce Connect asks for it: Validate and Sync, list views, related lists, search; python-odata, too."""

from __future__ import annotations

import re
import sqlite3
import time
import xml.etree.ElementTree as ElementTree
from collections.abc import Iterator
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
import requests
from odata import ODataService

from tests import databases
from tests.databases import Database
from tests.served import Served, manage, publish

EDM = "{http://docs.oasis-open.org/odata/ns/edm}"
ADMIN = {"APISERVER_ADMIN_USER": "admin", "APISERVER_ADMIN_PASSWORD": "correct horse battery staple"}
# What the adapter sends with each call.
HEADERS = {"Accept": "application/json", "Accept-Encoding": "gzip", "OData-Version": "4.0", "OData-MaxVersion": "4.0"}
JOB = """
from django.utils import timezone
from apiserver.jobs.services import Given, create_job
from apiserver.jobs.starting import start
from connections.models import Connection
by = {item.name: item for item in Connection.objects.all()}
tasks = [Given("REPLICATE [Issues]"), Given("REPLICATE [Users]"), Given("REPLICATE [Notes]")]
job = create_job(who="admin", now=timezone.now(), name="issues", source=by["tracker"], destination=by["warehouse"], tasks=tasks)
start(job, reason="button", now=timezone.now(), asked_by="admin")
"""

SOURCE = """
CREATE TABLE Users (Id INTEGER PRIMARY KEY, Name VARCHAR(40) NOT NULL);
CREATE TABLE Issues (Id INTEGER PRIMARY KEY, Title VARCHAR(80) NOT NULL, State VARCHAR(20), ReporterId INTEGER REFERENCES Users (Id));
CREATE TABLE Notes (Text VARCHAR(80));
INSERT INTO Users VALUES (1, 'Aoi'), (2, 'Ben'), (3, '陽子');
INSERT INTO Notes VALUES ('nobody knows me');
"""


@dataclass
class Replica:
    """The served replica and its login."""

    served: Served
    user: str
    password: str

    def get(self, path: str, **more: Any) -> requests.Response:
        """Ask as the adapter does."""
        address = path if path.startswith("http") else f"{self.served.base}/api.rsc/{path}"
        return requests.get(address, auth=(self.user, self.password), headers=HEADERS, timeout=30, **more)

    def rows(self, path: str) -> list[dict[str, Any]]:
        """Return the rows of one answer."""
        answer = self.get(path)
        assert answer.status_code == 200, answer.text
        found: list[dict[str, Any]] = answer.json()["value"]
        return found


class Console:
    """An administrator's browser, as far as forms go."""

    def __init__(self, served: Served) -> None:
        self.base = served.base
        self.session = requests.Session()
        self.post("/console/sign-in", name=ADMIN["APISERVER_ADMIN_USER"], password=ADMIN["APISERVER_ADMIN_PASSWORD"])

    def post(self, path: str, page: str = "", **form: Any) -> str:
        """Send a form of a page."""
        token = re.search(r'name="csrfmiddlewaretoken" value="([^"]+)"', self.get(page or path))
        assert token
        answer = self.session.post(
            self.base + path,
            {**form, "csrfmiddlewaretoken": token[1]},
            headers={"Origin": self.base, "Referer": self.base + path},
            timeout=30,
        )
        assert answer.status_code == 200, answer.text[:2000]
        return answer.text

    def get(self, path: str) -> str:
        """Open a page."""
        return self.session.get(self.base + path, timeout=30).text


def tracker(path: Path) -> Path:
    """Write the source: 60 issues of 3 users, and notes without a key."""
    with closing(sqlite3.connect(path)) as made:
        made.executescript(SOURCE)
        issues = [
            (n, f"Issue {n:02d} 100%" if n % 7 == 0 else f"Issue {n:02d}", "open" if n % 2 else None, n % 3 + 1) for n in range(1, 61)
        ]
        made.executemany("INSERT INTO Issues VALUES (?, ?, ?, ?)", issues)
        made.commit()
    return path


def run_to_its_end(data_dir: Path, destination: Database) -> None:
    """Make the job and wait until the server's worker has made its last table."""
    done = manage(data_dir, "shell", "-c", JOB)
    assert done.returncode == 0, done.stderr
    for _ in range(300):
        if destination.run("SELECT to_regclass('public.\"Notes\"')") != [(None,)]:
            return
        time.sleep(0.2)
    raise AssertionError("the job did not come to its end")


@pytest.fixture(scope="module")
def replica(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Replica]:
    folder = tmp_path_factory.mktemp("salesforce")
    destination = databases.make("postgresql", "replica", request, folder)
    source = {"connector": "sqlite", "properties": {"Database": str(tracker(folder / "tracker.db"))}}
    configuration = {"server": {"page_size": 50}, "connections": {"tracker": source, "warehouse": destination.connection}}
    served = publish(configuration, folder / "data", extra=ADMIN)
    run_to_its_end(folder / "data", destination)
    yield shared(served)
    served.dismiss()


def shared(served: Served) -> Replica:
    """Create the login on the page and tick the tables."""
    console = Console(served)
    listed = console.get("/console/external-objects/")
    found = re.search(r'/console/external-objects/\d+(?=">warehouse)', listed)
    assert found
    page = console.post(f"{found[0]}/create", page=found[0])
    password = re.search(r'id="password"[^>]*value="([^"]*)"', page)
    offered = re.findall(r'name="offered" value="([^"]*)"', page)
    console.post(found[0], save="1", offered=offered, table=offered)
    assert password
    assert offered == ["public|Issues", "public|Users"]
    return Replica(served, "external_warehouse", password[1])


def test_validate_and_sync_reads_the_metadata(replica: Replica) -> None:
    answer = replica.get("$metadata", stream=False)
    tree = ElementTree.fromstring(requests.get(answer.url, auth=(replica.user, replica.password), timeout=30).content)

    types = {item.get("Name"): item for item in tree.iter(f"{EDM}EntityType")}
    issue = {item.get("Name"): item.get("Type") for item in types["Issues"].iter(f"{EDM}Property")}
    assert answer.headers["Content-Encoding"] == "gzip"
    assert sorted(str(item.get("Name")) for item in tree.iter(f"{EDM}EntitySet")) == ["Issues", "Users"]
    assert [item.get("Name") for item in types["Issues"].iter(f"{EDM}PropertyRef")] == ["Id"]
    assert (issue["Title"], issue["ReporterId"]) == ("Edm.String", issue["Id"])


def test_a_list_view_reads_rows_with_their_count_and_goes_on(replica: Replica) -> None:
    first = replica.get("Issues?$select=Id,Title,State&$count=true&$top=26").json()
    later = replica.get("Issues?$select=Id,Title,State&$count=false&$skip=26&$top=26").json()

    assert (first["@odata.count"], [row["Id"] for row in first["value"]], "@odata.nextLink" in first) == (60, list(range(1, 27)), False)
    assert [row["Id"] for row in later["value"]] == list(range(27, 53))
    assert set(first["value"][0]) == {"Id", "Title", "State"}


def test_server_driven_pages_keep_count_and_select(replica: Replica) -> None:
    first = replica.get("Issues?$select=Id,Title&$count=true").json()
    rest = replica.get(first["@odata.nextLink"]).json()

    assert (first["@odata.count"], rest["@odata.count"], len(first["value"]), len(rest["value"])) == (60, 60, 50, 10)
    assert set(rest["value"][0]) == {"Id", "Title"}


@pytest.mark.parametrize(
    ("query", "ids"),
    [
        ("$filter=Id eq 7", [7]),
        ("$filter=Title eq 'Issue 08' or Title eq 'Issue 09'", [8, 9]),
        ("$filter=(Id eq 3 or Id eq 5 or Id eq 900)&$count=true", [3, 5]),
        ("$filter=contains(Title, '100%25') eq true and Id lt 20", [7, 14]),
        ("$filter=State ne 'open' and Id le 4", [2, 4]),
        ("$filter=State eq null and Id le 4", [2, 4]),
        ("$filter=startswith(Title,'Issue 6')", [60]),
        ("$orderby=Title desc&$top=2", [60, 59]),
        ("$search=%22issue 14%22", [14]),
        ("$search=nothing", []),
    ],
)
def test_filters_orders_and_searches_of_list_views(replica: Replica, query: str, ids: list[int]) -> None:
    assert [row["Id"] for row in replica.rows(f"Issues?$select=Id,Title&{query}")] == ids


def test_a_related_list_is_read_by_its_foreign_key(replica: Replica) -> None:
    by_key = replica.get("Issues?$select=Id,Title,ReporterId&$filter=ReporterId eq 3&$count=true&$top=6").json()
    by_relation = replica.rows("Users(3)/Issues?$select=Id&$top=6")

    assert (by_key["@odata.count"], [row["Id"] for row in by_key["value"]]) == (20, [2, 5, 8, 11, 14, 17])
    assert [row["Id"] for row in by_relation] == [2, 5, 8, 11, 14, 17]


def test_a_record_page_reads_one_row(replica: Replica) -> None:
    answer = replica.get("Issues(14)?$select=Id,Title")

    assert (answer.status_code, answer.json()["Title"]) == (200, "Issue 14 100%")
    assert replica.get("Issues(900)").status_code == 404


def test_an_empty_page_is_answered_and_change_tracking_is_not_promised(replica: Replica) -> None:
    address = f"{replica.served.base}/api.rsc/Issues?$select=Id&$count=true&$top=0"
    sent = {**HEADERS, "Prefer": "odata.track-changes"}

    answer = requests.get(address, auth=(replica.user, replica.password), headers=sent, timeout=30)

    assert (answer.status_code, answer.json()["@odata.count"], answer.json()["value"]) == (200, 60, [])
    assert ("Preference-Applied" in answer.headers, "@odata.deltaLink" in answer.json()) == (False, False)


def test_nothing_else_is_seen_and_nothing_written(replica: Replica) -> None:
    address = f"{replica.served.base}/api.rsc/Issues"

    posted = requests.post(address, json={"Id": 99, "Title": "x"}, auth=(replica.user, replica.password), timeout=30)
    wrong = requests.get(address, auth=(replica.user, "x" * 43), timeout=30)

    assert (posted.status_code, wrong.status_code, replica.get("Notes").status_code) == (403, 401, 404)


def test_python_odata_reads_the_replica(replica: Replica) -> None:
    session = requests.Session()
    session.auth = (replica.user, replica.password)
    client = ODataService(f"{replica.served.base}/api.rsc/", session=session, reflect_entities=True, quiet_progress=True)
    issue = client.entities["Issues"]

    every = list(client.query(issue))
    named = list(client.query(issue).filter(issue.Title.contains("100%")).order_by(issue.Id.desc()))

    assert [found.Id for found in every] == list(range(1, 61))
    assert [found.Id for found in named] == [56, 49, 42, 35, 28, 21, 14, 7]
