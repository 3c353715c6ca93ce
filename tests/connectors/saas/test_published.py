"""Both manifests against the documents that the services publish: word for word, and every call judged by Prism."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import pytest

from connections.connectors.http.manifest import packaged
from tests.connectors.saas.agreement import differences
from tests.connectors.saas.documents import published
from tests.connectors.saas.drive import Driver
from tests.connectors.saas.slices import slice_of
from tests.fakes.installed import prism

# What a document doesn't say, and why the manifest does. Each is a pattern of whole lines; one that no line needs fails the test.
BITBUCKET = {
    r"\w+: GET \S+ has no parameter pagelen": "pages are described for all lists at once, outside the document",
    r"(Projects|Issues|PullRequests): GET \S+ has no parameter (q|sort)": "listed under filtering and sorting, outside the document",
    r"(Components|Milestones|Versions|PullRequestComments): GET \S+ has no parameter q": "the same; one that refuses q is asked without it",
    r"Pipelines: GET \S+ has no parameter sort": "described in words elsewhere; one that refuses it is asked without it",
    r"Workspaces: no GET /user/workspaces": "of 2026, when the list of all workspaces was removed; the document is older",
    r"PullRequestTasks: no \w+ /\S+/tasks(/{Id})?": "newer than the document",
    r"\w*Hooks: GET \S+ answers with no secret_set": "newer than the document",
    r"Issues: GET \S+ answers with no watches": "told by the service, left out of its schema",
    r"(BranchRestrictions|Downloads|PullRequestCommits): GET \S+ answers with no .*": "the document describes no such row",
    r"Pipelines: GET \S+ answers with no trigger.name": "the document describes triggers without properties",
    r"PipelineSteps: GET \S+ answers with no (name|duration_in_seconds|build_seconds_used)": "told by the service, left out of its schema",
    r"Deployments: GET \S+ answers with no (number|last_update_time)": "told by the service, left out of its schema",
    r"Environments: GET \S+ answers with no (slug|rank)": "told by the service, left out of its schema",
    r"(Issues|Snippets): PUT \S+ takes no .*": "the document describes no body, only an example of one field",
    r"PipelineSchedules: POST \S+ takes no target.type": "which kind of target it is, as in the rows",
}
STRIPE = {
    r"(BillingAlerts|CreditGrants|CryptoOnrampSessions|EventDestinations|Meters): no .*": "newer than the document",
    r"PaymentMethodConfigurations: no .*": "newer than the document",
    r"Events: GET \S+ answers with no data.object.id": "the document describes objects of events without properties",
    r"BillingPortalConfigurations: POST \S+ demands (business_profile|features)": "objects of which no part is demanded",
}
SERVICES: list[Any] = [
    pytest.param("bitbucket", "bitbucket.org", {"AuthScheme": "AccessToken", "AccessToken": "token", "Workspace": "acme"}, BITBUCKET),
    pytest.param("stripe", "stripe.com", {"LiveAPIKey": "sk_live_abc123"}, STRIPE),
]
# The document says of these lists that they answer, but not what.
UNDESCRIBED = (
    r"(PullRequestActivity|PullRequestCommits|Downloads) list: The answer for \w+ holds no list of rows where one is expected\. .*"
)


@pytest.mark.parametrize(("key", "name", "values", "reasons"), SERVICES)
def test_manifest_says_what_the_published_document_says(key: str, name: str, values: dict[str, str], reasons: dict[str, str]) -> None:
    found = list(differences(packaged(key), published(name)))

    assert [line for line in found if not any(re.fullmatch(pattern, line) for pattern in reasons)] == []
    assert [pattern for pattern in reasons if not any(re.fullmatch(pattern, line) for line in found)] == []


@pytest.mark.parametrize(("key", "name", "values", "reasons"), SERVICES)
def test_prism_takes_every_call(key: str, name: str, values: dict[str, str], reasons: dict[str, str], tmp_path: Path) -> None:
    manifest, document = packaged(key), published(name)
    path = tmp_path / "document.json"
    path.write_text(json.dumps(slice_of(document, manifest)), encoding="utf-8")
    described = [name for name, table in manifest.tables.items() if document.known(table["read"][0]["path"])]

    with prism(path, tmp_path) as url:
        driver = Driver(manifest, values, url, document)
        refused = [line for table in described for line in driver.drive(table)]

    assert [line for line in refused if not re.fullmatch(UNDESCRIBED, line)] == []
    assert len(described) > 40 and len(driver.calls) > 400
