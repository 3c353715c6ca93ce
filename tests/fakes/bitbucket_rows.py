"""Puts the rows of the Bitbucket stand-in under the paths at which they are listed."""

from __future__ import annotations

from tests.fakes.bitbucket_data import (
    COMMITS,
    ISSUES,
    PEOPLE,
    PULL_REQUESTS,
    Row,
    Rows,
    comments,
    commits,
    deploy_key,
    identity,
    issues,
    person,
    project,
    pull_requests,
    ref,
    repository,
    snippet,
    ssh_key,
    text,
    variable,
    when,
    workspace,
)

PROJECTS = {"acme": (("SHOP", "Shop"), ("OPS", "Operations")), "globex": (("WEB", "Web"),)}
HOME = {"acme/shop": "SHOP", "acme/warehouse": "OPS", "globex/site": "WEB"}


def build() -> Rows:
    """Return every collection by its path below /2.0."""
    rows: Rows = {"workspaces": [workspace(slug) for slug in PROJECTS]}
    subject_events = {"workspace": ("repo:created", "project:updated"), "repository": ("repo:push", "pullrequest:created")}
    for subject, events in subject_events.items():
        rows[f"hook_events/{subject}"] = [
            {"event": event, "category": event.split(":")[0].capitalize(), "label": event.split(":")[1], "description": f"When {event}"}
            for event in events
        ]
    for slug, projects in PROJECTS.items():
        rows |= workspace_rows(slug, projects)
    for number, (full_name, key) in enumerate(HOME.items()):
        slug = full_name.split("/")[0]
        home = next(item for item in rows[f"workspaces/{slug}/projects"] if item["key"] == key)
        repo = repository(full_name, home, number)
        rows.setdefault(f"repositories/{slug}", []).append(repo)
        rows |= repository_rows(repo) | history_rows(repo)
    for slug in PROJECTS:
        rows[f"workspaces/{slug}/permissions/repositories"] = [
            {"type": "repository_permission", "permission": "write", "user": person(name), "repository": short(repo)}
            for repo in rows[f"repositories/{slug}"]
            for name in PEOPLE[:3]
        ]
    return rows


def short(repo: Row) -> Row:
    """Return a repository as it is embedded."""
    return {name: repo[name] for name in ("type", "uuid", "name", "full_name")}


def workspace_rows(slug: str, projects: tuple[tuple[str, str], ...]) -> Rows:
    """Return what a workspace lists."""
    home = {"type": "workspace", "slug": slug, "uuid": identity("workspace", slug), "name": slug.capitalize() + " Inc."}
    people = PEOPLE if slug == "acme" else PEOPLE[:2]
    base = f"workspaces/{slug}"
    rows: Rows = {
        f"{base}/members": [{"type": "workspace_membership", "user": person(name), "workspace": home} for name in people],
        f"{base}/permissions": [
            {
                "type": "workspace_membership",
                "permission": "owner" if name == PEOPLE[0] else "member",
                "user": person(name),
                "workspace": home,
            }
            for name in people
        ],
        f"{base}/projects": [project(slug, key, name) for key, name in projects],
        f"{base}/hooks": [],
        f"{base}/pipelines-config/variables": [variable(slug, "REGION", "eu-west-1"), variable(slug, "DEPLOY_TOKEN", None)],
        f"snippets/{slug}": [snippet(slug, number) for number in range(1, 6)],
    }
    for key, _ in projects:
        rows[f"{base}/projects/{key}/deploy-keys"] = [deploy_key(slug, key)]
        rows[f"{base}/projects/{key}/default-reviewers"] = [
            {"type": "default_reviewer", "reviewer_type": "project", "user": person(PEOPLE[0])}
        ]
    for name in people:
        rows[f"users/{identity('user', name)}/ssh-keys"] = [ssh_key(name)]
    return rows


def repository_rows(repo: Row) -> Rows:
    """Return issues and settings of a repository."""
    name = repo["full_name"]
    base = f"repositories/{name}"
    rows: Rows = {
        f"{base}/issues": issues(repo, ISSUES[name]),
        f"{base}/components": [{"type": "component", "id": 1, "name": "backend"}, {"type": "component", "id": 2, "name": "frontend"}],
        f"{base}/milestones": [{"type": "milestone", "id": 1, "name": "M1"}],
        f"{base}/versions": [{"type": "version", "id": 1, "name": "1.0"}],
        f"{base}/hooks": [],
        f"{base}/watchers": [person(item) for item in PEOPLE[:2]],
        f"{base}/forks": [],
        f"{base}/downloads": [
            {
                "type": "download",
                "name": f"build-{number}.zip",
                "size": 1000 * number,
                "downloads": number,
                "user": person(PEOPLE[0]),
                "created_on": when(600 + number),
            }
            for number in range(1, 4)
        ],
        f"{base}/deploy-keys": [deploy_key(name)],
        f"{base}/default-reviewers": [person(PEOPLE[1])],
        f"{base}/pipelines_config/variables": [variable(name, "STAGE", "test")],
        f"{base}/branch-restrictions": [
            {
                "type": "branchrestriction",
                "id": 1,
                "kind": "push",
                "branch_match_kind": "glob",
                "pattern": "main",
                "value": None,
                "users": [person(PEOPLE[0])],
                "groups": [],
            }
        ],
    }
    for issue in rows[f"{base}/issues"]:
        number = issue["id"]
        rows[f"{base}/issues/{number}/comments"] = comments("issue_comment", name, number, count=number % 3)
        rows[f"{base}/issues/{number}/changes"] = [
            {
                "type": "issue_change",
                "id": number * 10,
                "user": issue["reporter"],
                "created_on": issue["updated_on"],
                "message": text(""),
                "changes": {"state": {"old": "new", "new": issue["state"]}},
            }
        ]
        rows[f"{base}/issues/{number}/attachments"] = (
            [{"type": "issue_attachment", "name": f"log-{number}.txt"}] if number % 10 == 0 else []
        )
    return rows


def history_rows(repo: Row) -> Rows:
    """Return commits, pull requests and pipelines of a repository."""
    name = repo["full_name"]
    base = f"repositories/{name}"
    history = commits(repo, COMMITS[name])
    rows: Rows = {
        f"{base}/commits": history,
        f"{base}/refs/branches": [
            ref("branch", branch, history[place]) for place, branch in enumerate(("main", "develop", "feature/dark"))
        ],
        f"{base}/refs/tags": [ref("tag", f"v1.{place}", history[-place - 1]) for place in range(4)],
        f"{base}/pullrequests": pull_requests(repo, PULL_REQUESTS[name]),
        f"{base}/environments": [
            {
                "type": "deployment_environment",
                "uuid": identity("environment", name, item),
                "name": item,
                "slug": item.lower(),
                "rank": rank,
                "environment_type": {"type": "deployment_environment_type", "name": item, "rank": rank},
            }
            for rank, item in enumerate(("Test", "Staging", "Production"))
        ],
        f"{base}/pipelines": [pipeline(repo, history[number % len(history)], number) for number in range(1, 26)],
        f"{base}/pipelines_config/schedules": [
            {
                "type": "pipeline_schedule",
                "uuid": identity("schedule", name),
                "enabled": True,
                "cron_pattern": "0 0 12 * * ? *",
                "target": {"type": "pipeline_ref_target", "ref_name": "main", "ref_type": "branch"},
                "created_on": when(700),
                "updated_on": when(700),
            }
        ],
        f"{base}/pipelines-config/caches": [
            {
                "type": "pipeline_cache",
                "uuid": identity("cache", name),
                "name": "pip",
                "path": "~/.cache/pip",
                "file_size_bytes": 123456,
                "pipeline_uuid": identity("pipeline", name, 1),
                "created_on": when(710),
            }
        ],
    }
    rows[f"{base}/refs"] = rows[f"{base}/refs/branches"] + rows[f"{base}/refs/tags"]
    for number, run in enumerate(rows[f"{base}/pipelines"], 1):
        rows[f"{base}/pipelines/{run['uuid']}/steps"] = [step(run, place) for place in range(1 + number % 2)]
    rows[f"{base}/deployments"] = [
        deployment(repo, run, rows[f"{base}/environments"][number % 3]) for number, run in enumerate(rows[f"{base}/pipelines"][:6])
    ]
    for commit in history:
        rows |= commit_rows(f"{base}/commit/{commit['hash']}", commit)
    for pull in rows[f"{base}/pullrequests"]:
        rows |= pull_request_rows(f"{base}/pullrequests/{pull['id']}", pull, history)
    return rows


def pipeline(repo: Row, commit: Row, number: int) -> Row:
    """Return one run of a pipeline; the newest is not finished."""
    done = number < 25
    state: Row = {
        "type": "pipeline_state_completed" if done else "pipeline_state_in_progress",
        "name": "COMPLETED" if done else "IN_PROGRESS",
    }
    if done:
        state["result"] = {"type": "pipeline_state_completed_successful", "name": "FAILED" if number % 6 == 0 else "SUCCESSFUL"}
    return {
        "type": "pipeline",
        "uuid": identity("pipeline", repo["full_name"], number),
        "build_number": number,
        "creator": person(PEOPLE[number % 5]),
        "repository": short(repo),
        "target": {
            "type": "pipeline_ref_target",
            "ref_name": "main",
            "ref_type": "branch",
            "commit": {"type": "commit", "hash": commit["hash"]},
        },
        "trigger": {"type": "pipeline_trigger_push", "name": "PUSH"},
        "state": state,
        "created_on": when(800 + number * 60),
        "completed_on": when(805 + number * 60) if done else None,
        "build_seconds_used": 40 + number if done else 0,
    }


def step(run: Row, place: int) -> Row:
    """Return one step of a run."""
    return {
        "type": "pipeline_step",
        "uuid": identity("step", run["uuid"], place),
        "name": ("Build", "Deploy")[place],
        "state": run["state"],
        "image": {"name": "python:3.11"},
        "started_on": run["created_on"],
        "completed_on": run["completed_on"],
        "duration_in_seconds": 20,
        "build_seconds_used": 20,
        "setup_commands": [],
        "script_commands": [{"command": "make test", "name": "make test"}],
    }


def deployment(repo: Row, run: Row, environment: Row) -> Row:
    """Return one deployment."""
    return {
        "type": "deployment",
        "uuid": identity("deployment", run["uuid"]),
        "state": {"type": "deployment_state_completed", "name": "COMPLETED", "status": {"name": "SUCCESSFUL"}},
        "environment": {"type": "deployment_environment", "uuid": environment["uuid"]},
        "release": {
            "type": "deployment_release",
            "uuid": identity("release", run["uuid"]),
            "name": f"#{run['build_number']}",
            "commit": {"hash": run["target"]["commit"]["hash"]},
        },
        "number": run["build_number"],
        "last_update_time": run["completed_on"],
    }


def commit_rows(base: str, commit: Row) -> Rows:
    """Return what is attached to a commit."""
    digit = int(commit["hash"][0], 16)
    status = {
        "type": "build",
        "uuid": identity("status", commit["hash"]),
        "key": "build",
        "name": "Build",
        "state": "FAILED" if digit == 0 else "SUCCESSFUL",
        "description": "",
        "url": "https://ci.example.com/1",
        "refname": "main",
        "created_on": commit["date"],
        "updated_on": commit["date"],
    }
    report = {
        "type": "report",
        "uuid": identity("report", commit["hash"]),
        "external_id": "lint",
        "title": "Lint",
        "details": "Style",
        "reporter": "linter",
        "report_type": "BUG",
        "result": "PASSED",
        "created_on": commit["date"],
        "updated_on": commit["date"],
    }
    annotation = {
        "type": "report_annotation",
        "uuid": identity("annotation", commit["hash"]),
        "external_id": "lint-1",
        "annotation_type": "CODE_SMELL",
        "path": "a.py",
        "line": 3,
        "summary": "Too long",
        "severity": "LOW",
        "result": "FAILED",
        "created_on": commit["date"],
        "updated_on": commit["date"],
    }
    reports = [report] if digit < 4 else []
    return {
        f"{base}/statuses": [status],
        f"{base}/comments": comments("commit_comment", commit["hash"], count=digit % 2),
        f"{base}/reports": reports,
        f"{base}/reports/{report['uuid']}/annotations": [annotation] if reports else [],
    }


def pull_request_rows(base: str, pull: Row, history: list[Row]) -> Rows:
    """Return what is attached to a pull request."""
    number = pull["id"]
    own = history[number % len(history)]
    return {
        f"{base}/comments": comments("pullrequest_comment", base, count=pull["comment_count"]),
        f"{base}/commits": [own],
        f"{base}/statuses": [
            {
                "type": "build",
                "uuid": identity("status", base),
                "key": f"pr-{number}",
                "name": "Build",
                "state": "SUCCESSFUL",
                "description": "",
                "url": "https://ci.example.com/2",
                "created_on": pull["created_on"],
                "updated_on": pull["updated_on"],
            }
        ],
        f"{base}/tasks": [
            {
                "id": number * 100 + place,
                "state": "RESOLVED" if place % 2 else "UNRESOLVED",
                "content": text(f"Task {place}"),
                "creator": pull["author"],
                "created_on": pull["created_on"],
                "updated_on": pull["updated_on"],
                "pending": False,
            }
            for place in range(pull["task_count"])
        ],
        f"{base}/activity": [
            {
                "pull_request": {"type": "pullrequest", "id": number, "title": pull["title"]},
                "update": {"state": pull["state"], "author": pull["author"], "date": pull["updated_on"], "reason": pull["reason"]},
            }
        ],
    }
