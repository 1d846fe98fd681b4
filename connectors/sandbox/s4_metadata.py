"""The `$metadata` and the service document of the imitated S/4HANA's OData services, written from the
model."""

from __future__ import annotations

from typing import Final

from connectors.sandbox.http_server import Reply, json_reply
from connectors.sandbox.s4_model import EntityType, Service

__all__ = ["described", "edm_type", "service_document"]

_PLAIN: Final = {
    "Day": 'Edm.DateTime" Precision="0',
    "Day7": 'Edm.DateTime" Precision="7',
    "Moment": 'Edm.DateTimeOffset" Precision="7',
    "Moment0": 'Edm.DateTimeOffset" Precision="0',
    "Time": 'Edm.Time" Precision="0',
    "Flag": "Edm.Boolean",
    "Double": "Edm.Double",
    "Guid": "Edm.Guid",
}


def edm_type(kind: str) -> str:
    """A field's type with its facets, as it stands in a $metadata document."""
    if kind in _PLAIN:
        return _PLAIN[kind]
    if kind[0] == "D":
        precision, _, scale = kind[1:].partition(",")
        return f'Edm.Decimal" Precision="{precision}" Scale="{scale}'
    return f'Edm.String" MaxLength="{kind[1:]}' if kind[1:] else "Edm.String"


def described(service: Service) -> bytes:
    """EDMX 1.0 with SAP's annotations."""
    types = "".join(_entity_type(service, entity) for entity in service.sets.values())
    sets = "".join(
        f'<EntitySet Name="{name}" EntityType="{service.name}.{entity.name}"'
        + (
            "/>"
            if entity.writable
            else ' sap:creatable="false" sap:updatable="false" sap:deletable="false"/>'
        )
        for name, entity in service.sets.items()
    )
    links = "".join(
        f'<Association Name="{entity.name}_{name}">'
        f'<End Type="{service.name}.{entity.name}" Multiplicity="1" Role="From"/>'
        f'<End Type="{service.name}.{service.sets[target].name}"'
        f' Multiplicity="{"0..1" if name in entity.to_one else "*"}" Role="To"/></Association>'
        for entity in service.sets.values()
        for name, target in entity.navigations.items()
    )
    return (
        '<?xml version="1.0" encoding="utf-8"?><edmx:Edmx Version="1.0"'
        ' xmlns:edmx="http://schemas.microsoft.com/ado/2007/06/edmx"'
        ' xmlns:m="http://schemas.microsoft.com/ado/2007/08/dataservices/metadata"'
        ' xmlns:sap="http://www.sap.com/Protocols/SAPData"><edmx:DataServices m:DataServiceVersion="2.0">'
        f'<Schema Namespace="{service.name}" xmlns="http://schemas.microsoft.com/ado/2008/09/edm">{types}{links}'
        f'<EntityContainer Name="{service.name}_Entities" m:IsDefaultEntityContainer="true">{sets}'
        "</EntityContainer></Schema></edmx:DataServices></edmx:Edmx>"
    ).encode()


def service_document(service: Service, *, as_json: bool) -> Reply:
    """The list of sets; Atom unless JSON is asked for."""
    if as_json:
        return json_reply({"d": {"EntitySets": list(service.sets)}})
    sets = "".join(f'<collection href="{name}"/>' for name in service.sets)
    text = f'<service xmlns="http://www.w3.org/2007/app"><workspace>{sets}</workspace></service>'
    return Reply(200, text.encode(), "application/atomsvc+xml")


def _entity_type(service: Service, entity: EntityType) -> str:
    keys = "".join(f'<PropertyRef Name="{name}"/>' for name in entity.keys)
    fields = "".join(
        f'<Property Name="{name}" Type="{edm_type(kind)}"'
        + (' Nullable="false"' if name in entity.keys else "")
        + (' m:ConcurrencyMode="Fixed"' if name == entity.etag else "")
        + (' sap:sortable="false" sap:filterable="false"' if name == "LongText" else "")
        + "/>"
        for name, kind in entity.fields.items()
    )
    navigations = "".join(
        f'<NavigationProperty Name="{name}" Relationship="{service.name}.{entity.name}_{name}"'
        ' FromRole="From" ToRole="To"/>'
        for name in entity.navigations
    )
    return f'<EntityType Name="{entity.name}"><Key>{keys}</Key>{fields}{navigations}</EntityType>'
