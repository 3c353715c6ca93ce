"""A shop of two tables and its replica in another database, with the job that keeps it, as if it had run."""

from __future__ import annotations

import base64
import sqlite3
from contextlib import closing
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path

from django.test import Client
from django.utils import timezone

from apiserver.jobs.models import DONE, Job, Run, Task, TaskRun
from connections.models import Connection
from connections.services import SESSIONS, save_connection
from users.models import User

SHOP = """
CREATE TABLE customers (id INTEGER PRIMARY KEY, name VARCHAR(40) NOT NULL, city VARCHAR(40));
CREATE TABLE orders (id INTEGER PRIMARY KEY, customer_id INTEGER REFERENCES customers (id), note VARCHAR(80));
INSERT INTO customers VALUES (1, 'Aoi', 'Kyoto'), (2, 'Ben', NULL);
INSERT INTO orders VALUES (10, 1, 'first'), (11, 1, 'second'), (12, 2, NULL);
"""
COPY = """
CREATE TABLE customers (id INTEGER PRIMARY KEY, name VARCHAR(40) NOT NULL, city VARCHAR(40));
CREATE TABLE orders (id INTEGER PRIMARY KEY, customer_id INTEGER, note VARCHAR(80));
CREATE TABLE lines (text VARCHAR(80));
CREATE TABLE _apiserver_state (task varchar(200) NOT NULL PRIMARY KEY, fence bigint NOT NULL, data text NOT NULL);
CREATE VIEW cities AS SELECT city, count(*) AS people, 1 AS one FROM customers WHERE city IS NOT NULL GROUP BY city
  UNION ALL SELECT 'Nara', 0, 1;
INSERT INTO customers VALUES (1, 'Aoi', 'Kyoto'), (2, 'Ben', NULL);
INSERT INTO orders VALUES (10, 1, 'first'), (11, 1, 'second'), (12, 2, NULL);
"""


@dataclass
class Replicated:
    """Both ends and the job."""

    source: Connection
    destination: Connection
    job: Job
    source_file: Path
    copy_file: Path

    def run_source(self, sql: str) -> None:
        """Change the source behind everybody's back."""
        run(self.source_file, sql)

    def run_copy(self, sql: str) -> None:
        """Change the replica."""
        run(self.copy_file, sql)

    def ran(self, started: datetime, *names: str) -> None:
        """Note that the tasks of these tables came to their end."""
        found = Run.objects.create(job=self.job, job_name=self.job.name, reason="button", state=DONE, created=started, due=started)
        for task in self.job.tasks.all():
            name = task.statement.split("]")[0].removeprefix("REPLICATE [")
            if not names or name in names:
                TaskRun.objects.create(
                    run=found,
                    task=task,
                    key=task.key,
                    position=task.position,
                    title=name,
                    statement=task.statement,
                    state=DONE,
                    mode="full",
                    started=started,
                    ended=started + timedelta(seconds=1),
                )


def run(file: Path, sql: str) -> None:
    """Run statements on a file."""
    with closing(sqlite3.connect(file)) as opened:
        opened.executescript(sql)


def replicate_shop(folder: Path, *statements: str, copy: str = COPY) -> Replicated:
    """Make both databases, their connections and the job."""
    SESSIONS.close()
    files = (folder / "shop.db", folder / "copy.db")
    for file, sql in zip(files, (SHOP, copy), strict=True):
        run(file, sql)
    source, destination = (
        save_connection(name=name, connector="sqlite", values={"Database": str(file)})
        for name, file in zip(("shop", "warehouse"), files, strict=True)
    )
    job = Job.objects.create(name="nightly", source=source, destination=destination)
    for position, statement in enumerate(statements or ("REPLICATE [customers]", "REPLICATE [orders]")):
        Task.objects.create(job=job, position=position, statement=statement)
    return Replicated(source, destination, job, *files)


def person(role: str) -> Client:
    """Return someone who signed in to the console."""
    client = Client(headers={"host": "testserver"})
    client.force_login(User.objects.create_user(role, role=role))
    return client


def basic(name: str, password: str) -> Client:
    """Return a client that signs in as Salesforce does."""
    text = base64.b64encode(f"{name}:{password}".encode()).decode()
    return Client(headers={"authorization": f"Basic {text}", "host": "testserver"})


def an_hour_ago() -> datetime:
    """Return a time before now."""
    return timezone.now() - timedelta(hours=1)
