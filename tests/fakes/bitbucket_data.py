"""What the Bitbucket stand-in holds at first: two workspaces, three repositories, their people and their history."""

from __future__ import annotations

import hashlib
import random
import uuid
from datetime import UTC, datetime, timedelta
from typing import Any

Row = dict[str, Any]
Rows = dict[str, list[Row]]  # collection path -> rows, oldest first
START = datetime(2025, 1, 6, 9, 0, tzinfo=UTC)
PEOPLE = ("Aoi Tanaka", "Bob Miller", "Chloé Durand", "Dmitri Ivanov", "Eve O'Brien")
ISSUES = {"acme/shop": 180, "acme/warehouse": 40, "globex/site": 10}
PULL_REQUESTS = {"acme/shop": 90, "acme/warehouse": 20, "globex/site": 10}
COMMITS = {"acme/shop": 130, "acme/warehouse": 35, "globex/site": 12}
TITLES = ("Login fails", "Totals are wrong", "Add dark mode", "Page is slow", "Crash on save", "Übersetzung fehlt", 'Quote "as is" lost')


def identity(*parts: object) -> str:
    """Return a UUID in braces, as Bitbucket writes them; the same parts give the same one."""
    return "{" + str(uuid.uuid5(uuid.NAMESPACE_URL, "/".join(map(str, parts)))) + "}"


def when(minutes: float) -> str:
    """Return a moment as Bitbucket writes it."""
    return (START + timedelta(minutes=minutes)).isoformat(timespec="microseconds")


def commit_hash(*parts: object) -> str:
    """Return a commit's hash."""
    return hashlib.sha1("/".join(map(str, parts)).encode()).hexdigest()


def person(name: str) -> Row:
    """Return a user as it is embedded in other rows."""
    nickname = name.split()[0].lower()
    return {
        "type": "user",
        "uuid": identity("user", name),
        "account_id": f"557058:{nickname}",
        "display_name": name,
        "nickname": nickname,
        "links": {"html": {"href": f"https://bitbucket.org/{identity('user', name)}/"}},
    }


def text(raw: str) -> Row:
    """Return rendered text."""
    return {"type": "rendered", "raw": raw, "markup": "markdown", "html": f"<p>{raw}</p>"}


def workspace(slug: str) -> Row:
    """Return a workspace."""
    return {
        "type": "workspace",
        "uuid": identity("workspace", slug),
        "slug": slug,
        "name": slug.capitalize() + " Inc.",
        "is_private": slug == "acme",
        "created_on": when(0),
        "updated_on": when(60),
    }


def project(slug: str, key: str, name: str) -> Row:
    """Return a project."""
    return {
        "type": "project",
        "uuid": identity("project", slug, key),
        "key": key,
        "name": name,
        "description": f"Everything about {name.lower()}",
        "is_private": key != "WEB",
        "has_publicly_visible_repos": key == "WEB",
        "created_on": when(10),
        "updated_on": when(500),
        "owner": {"type": "team", "uuid": identity("workspace", slug), "display_name": slug.capitalize(), "username": slug},
        "workspace": {"type": "workspace", "uuid": identity("workspace", slug), "slug": slug, "name": slug.capitalize() + " Inc."},
    }


def repository(full_name: str, project_row: Row, number: int) -> Row:
    """Return a repository."""
    slug = full_name.split("/")[1]
    return {
        "type": "repository",
        "uuid": identity("repository", full_name),
        "slug": slug,
        "name": slug.capitalize(),
        "full_name": full_name,
        "description": None if number == 1 else f"The {slug}",
        "is_private": number != 2,
        "language": ("python", "java", "")[number],
        "size": 1_000_000 * (number + 1) + 2**31,
        "scm": "git",
        "fork_policy": "no_public_forks",
        "has_issues": True,
        "has_wiki": False,
        "website": None,
        "mainbranch": {"type": "branch", "name": "main"},
        "project": {name: project_row[name] for name in ("type", "uuid", "key", "name")},
        "owner": project_row["owner"],
        "workspace": project_row["workspace"],
        "created_on": when(20 + number),
        "updated_on": when(1000 + number),
    }


def issues(repo: Row, count: int) -> list[Row]:
    """Return issues; some have no assignee, milestone or edit."""
    rng = random.Random(repo["full_name"])
    short = {"type": "repository", "uuid": repo["uuid"], "name": repo["name"], "full_name": repo["full_name"]}
    found = []
    for number in range(1, count + 1):
        assignee = person(rng.choice(PEOPLE)) if rng.random() < 0.6 else None
        found.append(
            {
                "type": "issue",
                "id": number,
                "repository": short,
                "title": f"{rng.choice(TITLES)} {number}",
                "content": text(f"Steps to reproduce number {number}"),
                "reporter": person(rng.choice(PEOPLE)),
                "assignee": assignee,
                "state": rng.choice(("new", "open", "resolved", "on hold", "closed")),
                "kind": rng.choice(("bug", "enhancement", "proposal", "task")),
                "priority": rng.choice(("trivial", "minor", "major", "critical", "blocker")),
                "votes": rng.randrange(4),
                "watches": rng.randrange(6),
                "component": {"type": "component", "id": 1, "name": "backend"} if number % 3 == 0 else None,
                "milestone": {"type": "milestone", "id": 1, "name": "M1"} if number % 4 == 0 else None,
                "version": None,
                "created_on": when(100 + number * 7),
                "updated_on": when(2000 + rng.randrange(5000)),
                "edited_on": when(9000 + number) if number % 5 == 0 else None,
            }
        )
    return found


def comments(kind: str, *parts: object, count: int) -> list[Row]:
    """Return comments of an issue, pull request or commit."""
    return [
        {
            "type": kind,
            "id": int(commit_hash(*parts, number)[:7], 16),
            "content": text(f"Comment {number}"),
            "user": person(PEOPLE[number % len(PEOPLE)]),
            "created_on": when(3000 + number),
            "updated_on": None,
            "deleted": False,
        }
        for number in range(1, count + 1)
    ]


def branch_end(repo: Row, branch: str, number: int) -> Row:
    """Return one end of a pull request."""
    return {
        "branch": {"name": branch},
        "commit": {"type": "commit", "hash": commit_hash(repo["full_name"], number)[:12]},
        "repository": {"type": "repository", "uuid": repo["uuid"], "name": repo["name"], "full_name": repo["full_name"]},
    }


def pull_requests(repo: Row, count: int) -> list[Row]:
    """Return pull requests in all four states."""
    rng = random.Random(repo["uuid"])
    states = ("OPEN", "MERGED", "MERGED", "DECLINED", "SUPERSEDED")
    found = []
    for number in range(1, count + 1):
        state = states[number % len(states)]
        found.append(
            {
                "type": "pullrequest",
                "id": number,
                "title": f"{rng.choice(TITLES)} (change {number})",
                "description": f"Change {number}",
                "summary": text(f"Change {number}"),
                "state": state,
                "draft": False,
                "author": person(rng.choice(PEOPLE)),
                "source": branch_end(repo, f"feature/{number}", number),
                "destination": branch_end(repo, "main", 0),
                "merge_commit": {"type": "commit", "hash": commit_hash(repo["full_name"], number)[:12]} if state == "MERGED" else None,
                "close_source_branch": number % 2 == 0,
                "comment_count": number % 4,
                "task_count": number % 2,
                "closed_by": person(rng.choice(PEOPLE)) if state in ("MERGED", "DECLINED") else None,
                "reason": "not needed" if state == "DECLINED" else "",
                "created_on": when(400 + number * 11),
                "updated_on": when(2500 + rng.randrange(5000)),
            }
        )
    return found


def commits(repo: Row, count: int) -> list[Row]:
    """Return commits, newest first, as Bitbucket lists them."""
    found = []
    for number in range(count - 1, -1, -1):
        name = PEOPLE[number % len(PEOPLE)]
        parents = [{"type": "commit", "hash": commit_hash(repo["full_name"], number - 1)}] if number else []
        found.append(
            {
                "type": "commit",
                "hash": commit_hash(repo["full_name"], number),
                "date": when(50 + number * 30),
                "message": f"Commit {number}\n",
                "author": {"type": "author", "raw": f"{name} <{name.split()[0].lower()}@example.com>", "user": person(name)},
                "parents": parents,
                "repository": {"type": "repository", "uuid": repo["uuid"], "name": repo["name"], "full_name": repo["full_name"]},
            }
        )
    return found


def ref(kind: str, name: str, commit: Row) -> Row:
    """Return a branch or tag."""
    common = {"type": kind, "name": name, "target": commit}
    if kind == "tag":
        return common | {"message": f"Release {name}", "date": commit["date"], "tagger": commit["author"]}
    return common | {"merge_strategies": ["merge_commit", "squash"], "default_merge_strategy": "merge_commit"}


def variable(owner: str, key: str, value: str | None) -> Row:
    """Return a pipeline variable; the value of a secured one is never told."""
    row: Row = {"type": "pipeline_variable", "uuid": identity("variable", owner, key), "key": key, "secured": value is None}
    return row if value is None else row | {"value": value}


def snippet(slug: str, number: int) -> Row:
    """Return a snippet."""
    owner = {"type": "team", "uuid": identity("workspace", slug), "display_name": slug.capitalize()}
    return {
        "type": "snippet",
        "id": commit_hash("snippet", slug, number)[:6],
        "title": f"Snippet {number}",
        "scm": "git",
        "is_private": number % 2 == 0,
        "owner": owner,
        "creator": person(PEOPLE[number % 5]),
        "created_on": when(70 + number),
        "updated_on": when(80 + number),
    }


def deploy_key(*parts: str) -> Row:
    """Return a deploy key."""
    return {
        "type": "deploy_key",
        "id": int(commit_hash("key", *parts)[:6], 16),
        "key": "ssh-ed25519 AAAAC3Nz" + commit_hash(*parts)[:12],
        "label": "deploy",
        "comment": "ci@example.com",
        "created_on": when(90),
        "added_on": when(90),
        "last_used": None,
    }


def ssh_key(name: str) -> Row:
    """Return a user's SSH key."""
    return {
        "type": "ssh_key",
        "uuid": identity("ssh", name),
        "key": "ssh-ed25519 AAAAC3Nz" + commit_hash(name)[:12],
        "label": "laptop",
        "comment": "",
        "created_on": when(95),
        "last_used": when(4000),
    }
