"""A service with every shape of metadata, and its tables."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

from connections.connectors.http.calls import Caller
from connections.contract.scan import Scan
from connections.contract.table import TableRef
from tests.connectors.odata.upstream import Upstream

METADATA = """<?xml version="1.0"?>
<edmx:Edmx Version="4.0" xmlns:edmx="http://docs.oasis-open.org/odata/ns/edmx"><edmx:DataServices>
<Schema Namespace="Types" Alias="T" xmlns="http://docs.oasis-open.org/odata/ns/edm">
  <EnumType Name="Color"><Member Name="Red"/><Member Name="Green"/></EnumType>
  <TypeDefinition Name="Money" UnderlyingType="Edm.Decimal" Precision="18" Scale="2"/>
  <ComplexType Name="City"><Property Name="Name" Type="Edm.String"/><Property Name="Zip" Type="Edm.String"/></ComplexType>
  <ComplexType Name="Address"><Property Name="Street" Type="Edm.String"/><Property Name="City" Type="T.City"/></ComplexType>
  <EntityType Name="Being" Abstract="true"><Key><PropertyRef Name="Id"/></Key>
    <Property Name="Id" Type="Edm.Int32" Nullable="false"><Annotation Term="Org.OData.Core.V1.Computed"/></Property></EntityType>
  <EntityType Name="Person" BaseType="T.Being">
    <Property Name="Name" Type="Edm.String" MaxLength="40"/>
    <Property Name="Home" Type="T.Address"/>
    <Property Name="Tags" Type="Collection(Edm.String)" Nullable="false"/>
    <Property Name="Color" Type="T.Color"/>
    <Property Name="Pay" Type="T.Money"/>
    <Property Name="Born" Type="Edm.DateTimeOffset" Precision="7"/>
    <Property Name="Photo" Type="Edm.Stream"/>
    <Property Name="BossId" Type="Edm.Int32"/>
    <Property Name="Secret" Type="Edm.String"/>
    <NavigationProperty Name="Boss" Type="T.Person">
      <ReferentialConstraint Property="BossId" ReferencedProperty="Id"/></NavigationProperty>
  </EntityType>
  <EntityType Name="Note"><Property Name="Text" Type="Edm.String"/></EntityType>
</Schema>
<Schema Namespace="Service" xmlns="http://docs.oasis-open.org/odata/ns/edm">
  <EntityContainer Name="Container">
    <EntitySet Name="People" EntityType="Types.Person"><NavigationPropertyBinding Path="Boss" Target="People"/>
      <Annotation Term="Org.OData.Capabilities.V1.DeleteRestrictions"><Record>
        <PropertyValue Property="Deletable" Bool="false"/></Record></Annotation>
    </EntitySet>
    <EntitySet Name="Notes" EntityType="Types.Note"/>
  </EntityContainer>
  <Annotations Target="Service.Container/People">
    <Annotation Term="Org.OData.Capabilities.V1.FilterRestrictions"><Record>
      <PropertyValue Property="NonFilterableProperties">
      <Collection><PropertyPath>Secret</PropertyPath></Collection></PropertyValue></Record></Annotation>
    <Annotation Term="Org.OData.Capabilities.V1.CountRestrictions"><Record>
      <PropertyValue Property="Countable"><Bool>false</Bool></PropertyValue></Record></Annotation>
  </Annotations>
  <Annotations Target="Service.Container/Notes"><Annotation Term="Org.OData.Capabilities.V1.TopSupported" Bool="false"/>
    <Annotation Term="Org.OData.Capabilities.V1.FilterRestrictions"><Record>
      <PropertyValue Property="Filterable" Bool="false"/></Record></Annotation></Annotations>
</Schema></edmx:DataServices></edmx:Edmx>"""
PEOPLE = TableRef("", "People")


@pytest.fixture
def upstream(monkeypatch: pytest.MonkeyPatch) -> Iterator[Upstream]:
    monkeypatch.setattr(Caller, "_pause", lambda self, number, wait, ends: wait is None)
    made = Upstream(METADATA)
    yield made
    made.close()


def ask(upstream: Upstream, *columns: str, where: tuple[Any, ...] = (), **more: Any) -> list[tuple[Any, ...]]:
    session = upstream.session(**more)
    found = session.describe([PEOPLE])[0]
    return [row for batch in session.read(session.offer(Scan(found, columns, where))) for row in batch.rows]
