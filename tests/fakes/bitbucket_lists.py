"""How the Bitbucket stand-in lists: which paths are lists, what can be queried, sorted and written there, pages and `fields`."""

from __future__ import annotations

import copy
import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlencode

from tests.fakes.bbql import BadQuery, at, moment, predicate
from tests.fakes.bitbucket_data import Row
from tests.fakes.web import Answer, Refused, Request

WORKSPACE = "workspaces/[^/]+"
REPOSITORY = "repositories/[^/]+/[^/]+"
DATES = "created_on updated_on"
ISSUE = (
    "id title content.raw state kind priority votes watches reporter.uuid reporter.display_name assignee.uuid assignee.display_name "
    f"component.name milestone.name version.name edited_on {DATES}"
)
PULL_REQUEST = (
    "id title summary.raw state author.uuid author.display_name source.branch.name destination.branch.name source.commit.hash "
    "destination.commit.hash source.repository.uuid source.repository.name destination.repository.uuid destination.repository.name "
    f"closed_by.uuid close_source_branch comment_count task_count reason {DATES}"
)
REPOSITORY_FIELDS = f"uuid name slug full_name language is_private size project.key project.uuid description has_issues {DATES}"
REF = "name target.hash target.message target.date target.author.raw"


@dataclass(frozen=True)
class Kind:
    """One kind of list."""

    path: str  # pattern of the list's path
    key: str = "uuid"  # dotted path of what an item is asked by
    fields: str = ""  # that `q` and `sort` take
    writes: str = ""  # I U D
    most: int = 100  # rows a page
    demands: tuple[str, ...] = ()  # of a new row
    type: str = ""  # of a new row
    is_opaque: bool = False  # pages by token, no size
    sorts: str = ""  # what `sort` alone takes


KINDS = (
    Kind("workspaces", "slug"),
    Kind(f"{WORKSPACE}/members", "user.uuid", "user.uuid user.display_name user.nickname user.account_id"),
    Kind(f"{WORKSPACE}/permissions", "user.uuid", "permission user.uuid"),
    Kind(f"{WORKSPACE}/permissions/repositories", "user.uuid", "permission user.uuid repository.uuid repository.name"),
    Kind(f"{WORKSPACE}/projects", "key", f"uuid key name description is_private {DATES}", "IUD", demands=("key", "name"), type="project"),
    Kind(f"{WORKSPACE}/projects/[^/]+/deploy-keys", "id", "", "ID", demands=("key",), type="deploy_key"),
    Kind(f"{WORKSPACE}/projects/[^/]+/default-reviewers", "user.uuid"),
    Kind(f"{WORKSPACE}/hooks", writes="IUD", demands=("url", "events"), type="webhook_subscription"),
    Kind(f"{WORKSPACE}/pipelines-config/variables", writes="IUD", demands=("key",), type="pipeline_variable"),
    Kind("hook_events/[^/]+", "event"),
    Kind("users/[^/]+/ssh-keys", writes="ID", demands=("key",), type="ssh_key"),
    Kind("snippets/[^/]+", "id", "", "IUD", demands=("title",), type="snippet"),
    Kind("repositories/[^/]+", "slug", REPOSITORY_FIELDS, "UD", type="repository"),
    Kind(f"{REPOSITORY}/issues", "id", ISSUE, "IUD", demands=("title",), type="issue"),
    Kind(f"{REPOSITORY}/issues/[^/]+/comments", "id", DATES, "IUD", demands=("content",), type="issue_comment"),
    Kind(f"{REPOSITORY}/issues/[^/]+/changes", "id", "created_on"),
    Kind(f"{REPOSITORY}/issues/[^/]+/attachments", "name"),
    Kind(f"{REPOSITORY}/(components|milestones|versions)", "id", "id name"),
    Kind(f"{REPOSITORY}/pullrequests", "id", PULL_REQUEST, "IU", most=50, demands=("title", "source"), type="pullrequest"),
    Kind(f"{REPOSITORY}/pullrequests/[^/]+/comments", "id", DATES, "IUD", demands=("content",), type="pullrequest_comment"),
    Kind(f"{REPOSITORY}/pullrequests/[^/]+/tasks", "id", f"state {DATES}", "IUD", demands=("content",), type="task"),
    Kind(f"{REPOSITORY}/pullrequests/[^/]+/statuses", "key", "state key"),
    Kind(f"{REPOSITORY}/pullrequests/[^/]+/(activity|commits)", "hash", most=50),
    Kind(f"{REPOSITORY}/commits", "hash", is_opaque=True),
    Kind(f"{REPOSITORY}/commit/[^/]+/statuses", "key", f"state key name {DATES}"),
    Kind(f"{REPOSITORY}/commit/[^/]+/statuses/build", "key", "", "IU", demands=("key", "state", "url"), type="build"),
    Kind(f"{REPOSITORY}/commit/[^/]+/comments", "id", "", "IUD", demands=("content",), type="commit_comment"),
    Kind(f"{REPOSITORY}/commit/[^/]+/reports"),
    Kind(f"{REPOSITORY}/commit/[^/]+/reports/[^/]+/annotations"),
    Kind(f"{REPOSITORY}/refs", "name", REF),
    Kind(f"{REPOSITORY}/refs/branches", "name", REF, "ID", demands=("name", "target"), type="branch"),
    Kind(f"{REPOSITORY}/refs/tags", "name", REF, "ID", demands=("name", "target"), type="tag"),
    Kind(f"{REPOSITORY}/branch-restrictions", "id", "", "IUD", demands=("kind",), type="branchrestriction"),
    Kind(f"{REPOSITORY}/(watchers|forks)"),
    Kind(f"{REPOSITORY}/downloads", "name", "", "D"),
    Kind(f"{REPOSITORY}/deploy-keys", "id", "", "IUD", demands=("key",), type="deploy_key"),
    Kind(f"{REPOSITORY}/default-reviewers"),
    Kind(f"{REPOSITORY}/pipelines", "uuid", "", "I", type="pipeline", demands=("target",), sorts="created_on build_number creator.uuid"),
    Kind(f"{REPOSITORY}/pipelines/[^/]+/steps"),
    Kind(f"{REPOSITORY}/pipelines_config/variables", writes="IUD", demands=("key",), type="pipeline_variable"),
    Kind(f"{REPOSITORY}/pipelines_config/schedules", writes="IUD", demands=("cron_pattern",), type="pipeline_schedule"),
    Kind(f"{REPOSITORY}/pipelines-config/caches", writes="D"),
    Kind(f"{REPOSITORY}/deployments"),
    Kind(f"{REPOSITORY}/environments", writes="ID", demands=("name",), type="deployment_environment"),
    Kind(f"{REPOSITORY}/hooks", writes="IUD", demands=("url", "events"), type="webhook_subscription"),
)


def kind_of(path: str) -> Kind | None:
    """Return the kind of a list's path."""
    return next((kind for kind in KINDS if re.fullmatch(kind.path, path)), None)


def refuse(status: int, message: str, **more: Any) -> Refused:
    """Return the error as Bitbucket words it."""
    return Refused(Answer(status, {"type": "error", "error": {"message": message, **more}}))


def page(kind: Kind, rows: list[Row], request: Request, address: str) -> Row:
    """Return one page of a list."""
    length = page_length(kind, request.first("pagelen", "10"))
    chosen = arranged(kind, rows, request)
    if kind.is_opaque:
        chosen = since(chosen, request.first("exclude"))
    start = first_row(kind, chosen, request.first("page"), length)
    answer: Row = {"values": chosen[start : start + length], "pagelen": length}
    if not kind.is_opaque:
        answer |= {"size": len(chosen), "page": start // length + 1}
    if start + length < len(chosen):
        following = chosen[start + length]["hash"][:20] if kind.is_opaque else str(start // length + 2)
        kept = [pair for pair in request.query if pair[0] != "page"]
        answer["next"] = f"{address}?{urlencode([*kept, ('page', following)])}"
    return narrowed(answer, request.first("fields"))


def page_length(kind: Kind, text: str) -> int:
    """Return the rows a page; too many are refused."""
    if not text.isdigit() or not 1 <= int(text) <= kind.most:
        raise refuse(400, "Invalid pagelen")
    return int(text)


def first_row(kind: Kind, rows: list[Row], token: str, length: int) -> int:
    """Return where a page begins."""
    if not token:
        return 0
    if kind.is_opaque:
        places = [place for place, row in enumerate(rows) if row["hash"].startswith(token)]
        if not places:
            raise refuse(400, "Invalid page")
        return places[0]
    if not token.isdigit() or int(token) < 1:
        raise refuse(400, "Invalid page")
    return (int(token) - 1) * length


def since(rows: list[Row], head: str) -> list[Row]:
    """Return the commits newer than a head."""
    places = [place for place, row in enumerate(rows) if head and row["hash"].startswith(head)]
    return rows[: places[0]] if places else rows


def arranged(kind: Kind, rows: list[Row], request: Request) -> list[Row]:
    """Return the rows that `q` and `state` leave, in the order of `sort`."""
    fields = kind.fields.split()
    if text := request.first("q"):
        if not fields:
            raise refuse(400, "This list can't be queried")
        try:
            meets = predicate(text, fields)
            rows = [row for row in rows if meets(row)]
        except BadQuery as error:
            raise refuse(400, str(error)) from None
    if kind.type == "pullrequest" and "state" not in request.first("q"):
        wanted = request.all("state") or ["OPEN"]
        rows = [row for row in rows if row["state"] in wanted]
    if sort := request.first("sort"):
        for path in reversed(sort.split(",")):
            rows = in_order(rows, path, [*fields, *kind.sorts.split()])
    return rows


def in_order(rows: list[Row], path: str, fields: list[str]) -> list[Row]:
    """Return the rows by one field; nulls first ascending, last descending."""
    name = path.lstrip("-")
    if name not in fields:
        raise refuse(400, f"Invalid field name: {name}")

    def rank(row: Row) -> tuple[bool, Any]:
        value = at(row, name)
        found = moment(value) if name.endswith(("_on", ".date")) and isinstance(value, str) else value
        return (found is not None, 0 if found is None else found)

    return sorted(rows, key=rank, reverse=path.startswith("-"))


def narrowed(value: Any, fields: str) -> Any:
    """Return only the fields asked for; `-x` takes one away. A plain list loses `next` and `size` unless it names them."""
    names = [name.strip() for name in fields.split(",") if name.strip()]
    plain = [name for name in names if name[0] not in "+-"]
    found = only(value, [name.split(".") for name in plain]) if plain else copy.deepcopy(value)
    for name in names:
        if name[0] == "-":
            without(found, name[1:].split("."))
    return found


def only(value: Any, paths: list[list[str]]) -> Any:
    """Return what these paths lead to."""
    if any(not path or path == ["*"] for path in paths):
        return value
    if isinstance(value, list):
        return [only(item, paths) for item in value]
    if not isinstance(value, Mapping):
        return value
    heads = {path[0] for path in paths}
    return {name: only(item, [path[1:] for path in paths if path[0] == name]) for name, item in value.items() if name in heads}


def without(value: Any, path: list[str]) -> None:
    """Take away what a path leads to."""
    if isinstance(value, list):
        for item in value:
            without(item, path)
    elif isinstance(value, dict):
        if len(path) == 1:
            value.pop(path[0], None)
        else:
            without(value.get(path[0]), path[1:])
