"""What follows from a catalog is remembered as long as the catalog is the one in force."""

from __future__ import annotations

import pytest

from apiserver.resources.builder import catalog_for
from apiserver.resources.catalog import Catalog
from apiserver.resources.remembered import remembered
from apiserver.server import stamp
from users.models import User
from users.principal import principal_of


@pytest.mark.django_db
def test_it_goes_when_configuration_changes() -> None:
    principal = principal_of(User(name="reader", privileges=["GET"]))
    catalog = catalog_for(principal)
    find = remembered(lambda of: Catalog({}, of.fingerprint))
    first = find(catalog)
    kept = find(catalog_for(principal))

    stamp.changed()
    catalog_for(principal)

    assert kept is first
    assert find(catalog) is not first
