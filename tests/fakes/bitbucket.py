"""A stand-in of Bitbucket Cloud's REST API 2.0 that keeps state: lists with q, sort, fields and pages, writes, hooks, sign-in, faults.

By hand: `python -m tests.fakes.bitbucket [PORT]`. What the fields are is in bitbucket_data, how lists behave in bitbucket_lists.
"""

from __future__ import annotations

import hashlib
import hmac
import json
import re
import secrets
import sys
import threading
import urllib.request
import uuid
from datetime import UTC, datetime

from tests.fakes.bbql import at
from tests.fakes.bitbucket_data import PEOPLE, Row, identity, person, text
from tests.fakes.bitbucket_lists import KINDS, REPOSITORY, Kind, kind_of, narrowed, page, refuse
from tests.fakes.bitbucket_rows import build
from tests.fakes.grants import Consumer, Grants, basic
from tests.fakes.web import Answer, Fake, Refused, Request, run_forever

RETIRED = re.compile(f"{REPOSITORY}/(issues|components|milestones|versions)(/.*)?")
LIMIT = "Rate limit for this resource has been exceeded"
TOLD = {"issues": "issue", "pullrequests": "pullrequest"}
PUBLIC = Consumer()
PRIVATE = Consumer("private-key", "private-secret", is_private=True)


def now() -> str:
    """Return this moment as Bitbucket writes it."""
    return datetime.now(UTC).isoformat(timespec="microseconds")


class Bitbucket(Fake):
    """One running stand-in."""

    controls = {
        "issues": "on",  # on | 404 | 410: the issue tracker and its children
        "storm": 0,  # so many calls are answered by 429
        "retry_after": None,  # seconds that a 429 names
        "token_seconds": 7200,
        "expire": False,  # every token given out so far is refused
        "scope_key": "scopes",
        "consent": "ask",  # ask | grant | deny
        "not_json": 0,  # so many answers are a page of HTML
        "truncated": 0,  # so many answers break off
        "unavailable": 0,  # so many answers are 503
        "foreign_next": False,  # next leads to another host
        "endless": False,  # every page has a next
    }

    def __init__(self, port: int = 0, consumers: tuple[Consumer, ...] = (PUBLIC, PRIVATE)) -> None:
        super().__init__(port)
        self.rows = build()
        self.grants = Grants({consumer.key: consumer for consumer in consumers})
        self.secrets: dict[str, str] = {}  # of hooks, by their UUID
        self.people = {"aoi@example.com": "api-token-1"}  # e-mail -> API token
        self.access_tokens = {"workspace-access-token"}  # of a repository, project or workspace

    def answer(self, request: Request) -> Answer:
        if request.path.startswith("/site/oauth2/"):
            return self.sign_in(request)
        if not request.path.startswith("/2.0/"):
            raise refuse(404, "Resource not found")
        who = self.signed_in(request)
        self.go_wrong()
        return self.of_api(request, request.path.removeprefix("/2.0/").strip("/"), who)

    def sign_in(self, request: Request) -> Answer:
        with self.lock:
            if request.path.endswith("/authorize"):
                return self.grants.authorize(request, self.control["consent"])
            if request.path.endswith("/access_token") and request.method == "POST":
                return self.grants.token(request, self.control)
        raise refuse(404, "Resource not found")

    def signed_in(self, request: Request) -> str:
        """Return how the caller signed in: person | resource. Tokens count in the header only."""
        if self.control["expire"]:
            self.grants.access.clear()
            self.control["expire"] = False
        if found := basic(request):
            user, token = found
            if self.people.get(user) == token:
                return "person"
        scheme, _, token = request.headers.get("authorization", "").partition(" ")
        if scheme.lower() == "bearer":
            if token in self.access_tokens:
                return "resource"
            if self.grants.is_good(token):
                return "person"
        raise refuse(401, "Token is invalid, expired, or not supported for this endpoint.")

    def go_wrong(self) -> None:
        """Raise what the controls ask for."""
        if self.spend("storm"):
            wait = self.control["retry_after"]
            raise Refused(Answer(429, {"type": "error", "error": {"message": LIMIT}}, {} if wait is None else {"Retry-After": str(wait)}))
        if self.spend("unavailable"):
            raise refuse(503, "Service unavailable")
        if self.spend("not_json"):
            raise Refused(Answer(200, b"<html>Down for maintenance</html>"))
        if self.spend("truncated"):
            raise Refused(Answer(200, b'{"values": [{"id": 1, "ti', {"Content-Type": "application/json"}))

    def of_api(self, request: Request, path: str, who: str) -> Answer:
        """Answer one request below /2.0."""
        if path == "user":
            return Answer(body=person(PEOPLE[0]))
        if path == "user/workspaces":
            return self.workspaces(request, who)
        if request.method == "GET" and path in ("repositories", "workspaces"):
            raise refuse(410, "This endpoint has been removed. See CHANGE-2770.")
        if RETIRED.fullmatch(path) and self.control["issues"] != "on":
            status = int(self.control["issues"])
            message = "Issues are no longer available in Bitbucket Cloud." if status == 410 else "Repository has no issue tracker."
            raise refuse(status, message)
        with self.lock:
            if (kind := kind_of(path)) and (path in self.rows or not self.item_of(path)):
                return self.of_list(request, path, kind)
            return self.of_item(request, path)

    def workspaces(self, request: Request, who: str) -> Answer:
        """List the workspaces of the person."""
        if who == "resource":
            raise refuse(403, "Your credentials lack one or more required privilege scopes.")
        rows = [
            {
                "type": "workspace_access",
                "administrator": place == 0,
                "workspace": {"type": "workspace_base", "slug": row["slug"], "uuid": row["uuid"]},
            }
            for place, row in enumerate(self.rows["workspaces"])
        ]
        return Answer(body=page(KINDS[0], rows, request, request.root + request.path))

    def item_of(self, path: str) -> tuple[str, str] | None:
        """Return list and key of an item's path: the longest list that it lies below."""
        parts = path.split("/")
        for end in range(len(parts) - 1, 0, -1):
            above = "/".join(parts[:end])
            if above.endswith("/commit"):
                above = above.removesuffix("commit") + "commits"
            if above in self.rows and kind_of(above):
                return above, "/".join(parts[end:])
        return None

    def of_list(self, request: Request, path: str, kind: Kind) -> Answer:
        """List, or create below a list."""
        source = path.removesuffix("/build") if kind.path.endswith("/build") else path
        if source not in self.rows:
            raise refuse(404, "Resource not found")
        if request.method == "GET":
            found = page(kind, self.rows[source], request, request.root + request.path)
            if self.control["foreign_next"]:
                found["next"] = "http://elsewhere.example/2.0/" + path
            elif self.control["endless"]:
                found["next"] = request.root + request.path
            return Answer(body=found)
        if request.method == "POST" and "I" in kind.writes:
            row = self.created(kind, source, json.loads(request.body or b"{}"))
            self.tell_hooks(path, "created", row)
            return Answer(201, row)
        raise refuse(405, "Method not allowed")

    def of_item(self, request: Request, path: str) -> Answer:
        """Read, change or remove one row."""
        place = self.item_of(path)
        kind = kind_of(place[0]) if place else None
        if place is None or kind is None:
            raise refuse(404, "Resource not found")
        rows = self.rows[place[0]]
        row = next((row for row in rows if str(at(row, kind.key)) == place[1] or at(row, "uuid") == place[1]), None)
        if kind.type == "repository" and row is None and request.method == "POST":
            return Answer(200, self.new_repository(place[0], place[1], json.loads(request.body or b"{}")))
        if row is None and place[0].endswith("/commits"):
            row = next((row for row in rows if row["hash"].startswith(place[1])), None)
        if row is None:
            raise refuse(404, "Resource not found")
        if request.method == "GET":
            return Answer(body=narrowed(row, request.first("fields")))
        if request.method in ("PUT", "PATCH") and "U" in kind.writes:
            self.change(kind, row, json.loads(request.body or b"{}"))
            self.tell_hooks(place[0], "updated", row)
            return Answer(body=row)
        if request.method == "DELETE" and "D" in kind.writes:
            rows.remove(row)
            return Answer(204)
        raise refuse(405, "Method not allowed")

    def created(self, kind: Kind, path: str, given: Row) -> Row:
        """Add a row to a list."""
        if missing := [name for name in kind.demands if not given.get(name)]:
            raise refuse(400, "Bad request", fields={name: ["This field is required."] for name in missing})
        rows = self.rows[path]
        row: Row = {"type": kind.type, "created_on": now(), "updated_on": now()}
        if kind.key == "id" and kind.type != "snippet":
            row["id"] = max((item["id"] for item in rows), default=0) + 1
        elif kind.type == "snippet":
            row["id"] = secrets.token_hex(3)
        row["uuid"] = "{" + str(uuid.uuid4()) + "}"
        row |= self.preset(kind, path)
        self.change(kind, row, given)
        rows.append(row)
        if kind.type == "issue":
            self.rows |= {f"{path}/{row['id']}/{child}": [] for child in ("comments", "changes", "attachments")}
        if kind.type == "pullrequest":
            self.rows |= {f"{path}/{row['id']}/{child}": [] for child in ("comments", "tasks", "statuses", "commits", "activity")}
        return row

    def preset(self, kind: Kind, path: str) -> Row:
        """Return what a new row has by itself."""
        me = person(PEOPLE[0])
        if kind.type == "issue":
            return {"reporter": me, "assignee": None, "state": "new", "kind": "bug", "priority": "major", "votes": 0, "watches": 1} | {
                "component": None,
                "milestone": None,
                "version": None,
                "edited_on": None,
                "content": text(""),
            }
        if kind.type == "pullrequest":
            return {
                "author": me,
                "state": "OPEN",
                "comment_count": 0,
                "task_count": 0,
                "closed_by": None,
                "reason": "",
                "summary": text(""),
            }
        if kind.type == "pipeline":
            return {
                "build_number": len(self.rows[path]) + 1,
                "creator": me,
                "state": {"name": "PENDING"},
                "completed_on": None,
                "build_seconds_used": 0,
            }
        return {"user": me} if kind.type.endswith("_comment") else {}

    def change(self, kind: Kind, row: Row, given: Row) -> None:
        """Take the values that were sent."""
        for name, value in given.items():
            if name == "content" and isinstance(value, dict):
                row[name] = text(str(value.get("raw", "")))
            elif name == "description" and kind.type == "pullrequest":
                row |= {"description": value, "summary": text(str(value))}
            elif isinstance(value, dict) and isinstance(row.get(name), dict):
                row[name] = row[name] | value
            elif not (name == "value" and given.get("secured")) and name != "secret":
                row[name] = value
        if "secret" in given:
            row["secret_set"] = True
            self.secrets[row["uuid"]] = given["secret"]
        row["updated_on"] = now()

    def new_repository(self, path: str, slug: str, given: Row) -> Row:
        """Make a repository without history."""
        workspace = path.split("/")[1]
        name = f"{workspace}/{slug}"
        row = {
            "type": "repository",
            "uuid": identity("repository", name),
            "slug": slug,
            "name": slug,
            "full_name": name,
            "scm": "git",
            "is_private": True,
            "size": 0,
            "created_on": now(),
            "updated_on": now(),
            "project": {"key": "SHOP"},
        } | given
        self.rows[path].append(row)
        lists = ("issues", "pullrequests", "commits", "refs/branches", "refs/tags", "refs", "hooks", "pipelines", "environments")
        self.rows |= {f"repositories/{name}/{child}": [] for child in lists}
        return row

    def tell_hooks(self, path: str, event: str, row: Row) -> None:
        """POST an event to the hooks of the repository, signed where they have a secret."""
        subject = TOLD.get(path.rsplit("/", 1)[-1])
        if subject is None:
            return
        base = "/".join(path.split("/")[:3])
        for hook in self.rows.get(f"{base}/hooks", []):
            if hook.get("active", True) and f"{subject}:{event}" in hook["events"]:
                told = {subject: row, "repository": {"full_name": base.removeprefix("repositories/")}}
                sent = (hook, self.secrets.get(hook["uuid"], ""), f"{subject}:{event}", json.dumps(told).encode())
                threading.Thread(target=deliver, args=sent, daemon=True).start()


def deliver(hook: Row, secret: str, event: str, body: bytes) -> None:
    """Send one event."""
    headers = {
        "Content-Type": "application/json",
        "X-Event-Key": event,
        "X-Hook-UUID": hook["uuid"],
        "X-Request-UUID": str(uuid.uuid4()),
        "X-Attempt-Number": "1",
    }
    if secret:
        headers["X-Hub-Signature"] = "sha256=" + hmac.new(secret.encode(), body, hashlib.sha256).hexdigest()
    urllib.request.urlopen(urllib.request.Request(hook["url"], body, headers), timeout=10).close()


if __name__ == "__main__":
    run_forever(Bitbucket(*(int(value) for value in sys.argv[1:2])))
