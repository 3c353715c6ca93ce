"""The stored contract: taken anew after configuration changed, compared, its version raised. Called by the worker and by commands.

The version is one for the whole API: 1.0 -> 1.1 for what is safe, -> 2.0 for what breaks; texts alone change nothing.
"""

from __future__ import annotations

import hashlib
import json
import zlib
from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import datetime
from typing import Any

from django.db import transaction

from apiserver.odata.swagger import described, swagger
from apiserver.odata.swagger_info import Address
from apiserver.odata.swagger_limits import MOST_BYTES, MOST_OPERATIONS
from apiserver.powerplatform.contract_compare import compare
from apiserver.powerplatform.contract_findings import BREAKING, SAFE, Finding, level_of
from apiserver.powerplatform.contract_markdown import markdown
from apiserver.powerplatform.models import Contract, ContractChange
from apiserver.resources import builder
from apiserver.resources.catalog import METHODS, Catalog
from apiserver.resources.models import Resource
from apiserver.server import notices, options
from connections.contract.table import Table
from users.principal import Principal

# Where the API is is no part of the contract.
NOWHERE = Address("https", "contract.invalid", "/api.rsc")
EVERYONE = Principal(user_id=0, name="", role="admin", privileges=METHODS, grants=None, fingerprint="contract")
MOST_FINDINGS = 2000  # that are kept of one change
CHANGES_KEPT = 500
EVENT = "contract.changed"
Definitions = list[dict[str, Any]]  # the whole, and what is left of it where one document can't hold it


def settle(*, now: datetime) -> ContractChange | None:
    """Compare what is published with the stored contract; return the change, None where the contract is the same."""
    definitions = definitions_now()
    body = json.dumps(definitions, separators=(",", ":"), sort_keys=True).encode()
    digest = hashlib.sha256(body).hexdigest()
    stored = Contract.objects.filter(pk=1).first()
    if stored is None:
        return first(body, digest, now=now) if definitions[0]["paths"] else None
    if stored.digest == digest:
        return None
    findings = differences(json.loads(zlib.decompress(stored.definition)), definitions)
    with transaction.atomic():
        ours = Contract.objects.filter(pk=1, digest=stored.digest)
        version = raised(options.contract_version(), level_of(findings))
        if not ours.update(definition=zlib.compress(body), digest=digest, version=version, taken=now):
            return None  # another worker was first
        return changed(findings, version, now=now) if level_of(findings) in (BREAKING, SAFE) else None


def definitions_now(others: Mapping[int, Table] | None = None) -> Definitions:
    """Return what is published; over other tables, by resource id, to see what they would change."""
    return definitions_of(builder.catalog_of(builder.published(others), EVERYONE, 0))


def definitions_of(catalog: Catalog) -> Definitions:
    """Return the definitions of a catalog, the same wherever the server is and whatever its version is."""
    catalog = replace(catalog, version=options.FIRST_VERSION)
    whole = described(catalog, NOWHERE)
    is_too_large = sum(map(len, whole["paths"].values())) > MOST_OPERATIONS or len(json.dumps(whole)) >= MOST_BYTES
    return [whole, json.loads(swagger(catalog, NOWHERE))] if is_too_large else [whole]


def differences(old: Definitions, new: Definitions) -> list[Finding]:
    """Return what differs for those who take the whole document, or parts of one that leaves operations out."""
    found = compare(old[0], new[0])
    if len(old) == len(new) == 1:
        return found
    known = {(item.code, item.operation, item.place) for item in found}
    return found + [item for item in compare(old[-1], new[-1]) if (item.code, item.operation, item.place) not in known]


def first(body: bytes, digest: str, *, now: datetime) -> ContractChange | None:
    """Keep what is published first, under the version that the settings say."""
    version = options.contract_version()
    with transaction.atomic():
        values = {"definition": zlib.compress(body), "digest": digest, "version": version, "taken": now}
        if not Contract.objects.get_or_create(pk=1, defaults=values)[1]:
            return None
        return ContractChange.objects.create(version=version, at=now)


def raised(version: str, level: str) -> str:
    """Return the version after a change."""
    major, minor = map(int, version.split("."))
    if level == BREAKING:
        return f"{major + 1}.0"
    return f"{major}.{minor + 1}" if level == SAFE else version


def changed(findings: Sequence[Finding], version: str, *, now: datetime) -> ContractChange:
    """Raise the version, keep what changed and tell those who want to know."""
    before = options.contract_version()
    options.set_contract_version(version)
    level = level_of(findings)
    told = [item.stored() for item in findings[:MOST_FINDINGS]]
    change = ContractChange.objects.create(version=version, before=before, level=level, findings=told, resources=touched(findings), at=now)
    old = ContractChange.objects.values_list("pk", flat=True)[CHANGES_KEPT:]
    ContractChange.objects.filter(pk__in=list(old)).delete()
    title = f"Contract {before} is now {version}"
    data = {"version": version, "previousVersion": before, "level": level, "resources": names_of(change), "changes": told}
    text = markdown(findings, title)
    notices.post(EVENT, subject=subject(title, findings), text=text, data={**data, "markdown": text}, level=level, now=now)
    return change


def subject(title: str, findings: Sequence[Finding]) -> str:
    """Return what stands above an e-mail."""
    counts = [f"{count} {level}" for level in (BREAKING, SAFE) if (count := sum(item.level == level for item in findings))]
    return f"{title} ({', '.join(counts)})" if counts else title


def touched(findings: Sequence[Finding]) -> list[str]:
    """Return the public ids of the resources whose operations are named; an operationId ends with one."""
    ids = sorted(Resource.objects.values_list("public_id", flat=True), key=len, reverse=True)
    operations = {item.operation for item in findings if item.operation}
    return sorted({found for name in operations if (found := next((each for each in ids if name.endswith(each)), ""))})


def names_of(change: ContractChange) -> list[str]:
    """Return the names of the resources that a change touched, as they are now."""
    return sorted(Resource.objects.filter(public_id__in=change.resources).values_list("name", flat=True))
