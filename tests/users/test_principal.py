"""Rights of users and groups, joined so that nothing opens which neither gave."""

from __future__ import annotations

import pytest

from users.models import Group, User
from users.principal import GrantRights, joined, principal_of

G, GP = frozenset({"GET"}), frozenset({"GET", "POST"})


@pytest.mark.parametrize(
    ("one", "other", "expected"),
    [
        (GrantRights(), GrantRights(G, ("id",), "a eq 1"), GrantRights()),
        (GrantRights(G, ("id",)), GrantRights(GP, ("id", "name")), GrantRights(GP, ("id", "name"))),
        (GrantRights(G, ("id", "name")), GrantRights(GP, ("id", "total")), GrantRights(G, ("id", "name", "total"))),
        (GrantRights(None, None, "a eq 1"), GrantRights(None, None, "a eq 2"), GrantRights(None, None, "(a eq 1) or (a eq 2)")),
        (
            GrantRights(G, ("id", "name"), "a eq 1"),
            GrantRights(GP, ("id", "total"), "a eq 2"),
            GrantRights(G, ("id",), "(a eq 1) or (a eq 2)"),
        ),
        (GrantRights(G, ("id",)), GrantRights(GP, None, "a eq 2"), GrantRights(G, ("id",), "")),
    ],
)
def test_joined(one: GrantRights, other: GrantRights, expected: GrantRights) -> None:
    assert joined(one, other) == expected
    turned = joined(other, one)
    assert (turned.methods, set(turned.columns or ())) == (expected.methods, set(expected.columns or ()))


def test_own_word_on_a_resource_stands_over_the_groups(reader: User) -> None:
    reader.resources = {"Orders": {"columns": ["id"]}}
    reader.save()
    reader.groups.add(Group.objects.create(name="all", resources={"Orders": {}, "Customers": {}}))

    grants = principal_of(reader).grants

    assert grants == {"Orders": GrantRights(columns=("id",)), "Customers": GrantRights()}


def test_group_without_resources_opens_and_closes_nothing(reader: User, outsider: User) -> None:
    group = Group.objects.create(name="writers", privileges=["PATCH", "MERGE"])
    reader.groups.add(group)
    outsider.groups.add(group)

    assert principal_of(reader).grants is None
    assert principal_of(outsider).grants == {}
    assert principal_of(reader).privileges == {"GET", "PATCH"}


def test_fingerprints_are_equal_for_equal_rights_only(reader: User, outsider: User) -> None:
    twin = User.objects.create_user("twin", privileges=["GET"])
    none = User.objects.create_user("none", privileges=["GET"], resources={})

    assert principal_of(reader).fingerprint == principal_of(twin).fingerprint
    assert len({principal_of(user).fingerprint for user in (reader, outsider, none)}) == 3
