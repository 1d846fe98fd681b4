"""The connectors there are, one line each: the kind as config files name it, and where its class lives.

Classes are loaded when a kind is used, so that a SAP customer does not wait for NetSuite's libraries. Other
packages add theirs by entry points (`formats.plugins`).
"""

from __future__ import annotations

import typing
from collections.abc import Mapping
from types import MappingProxyType
from typing import Final, Protocol

from connectors.base import Channel, ConnectorSettings, ErpConnector, Surroundings
from formats import plugins
from formats.errors import ConfigError

__all__ = [
    "CHANNELS",
    "ERPS",
    "ChannelClass",
    "ErpClass",
    "channel",
    "channel_kinds",
    "erp",
    "erp_kinds",
    "settings_of",
]

ERPS: Final[Mapping[str, str]] = MappingProxyType(
    {
        "sap-idoc": "connectors.erp.sap_idoc:SapIdoc",
        "sap-odata": "connectors.erp.sap_odata:SapOData",
        "sap-soap": "connectors.erp.sap_soap:SapSoap",
        "folder": "connectors.erp.files:Folder",
        "sftp-files": "connectors.erp.files:SftpFiles",
        "push": "connectors.erp.files:PushFiles",
        "exact-online": "connectors.erp.exact_online:ExactOnline",
        "netsuite-soap": "connectors.erp.netsuite_soap:NetSuiteSoap",
        "netsuite-rest": "connectors.erp.netsuite_rest:NetSuiteRestSource",
        "tryton": "connectors.erp.tryton:Tryton",
        "odoo": "connectors.erp.odoo:Odoo",
    }
)

CHANNELS: Final[Mapping[str, str]] = MappingProxyType(
    {
        "sftp-outbox": "connectors.channels.sftp_outbox:SftpOutbox",
        "email": "connectors.channels.email:Email",
        "provider-rest": "connectors.channels.provider_rest:ProviderRest",
        "peppol": "connectors.channels.peppol.channel:Peppol",
    }
)


class ErpClass(Protocol):
    """How a connector is made."""

    def __call__(self, name: str, settings: typing.Any, surroundings: Surroundings) -> ErpConnector: ...


class ChannelClass(Protocol):
    """How a channel is made."""

    def __call__(self, name: str, settings: typing.Any, surroundings: Surroundings) -> Channel: ...


def erp_kinds() -> tuple[str, ...]:
    """All kinds of ERP interface, those of plug-ins included; none is loaded."""
    return tuple(sorted(plugins.merged("erps", ERPS)))


def channel_kinds() -> tuple[str, ...]:
    """All kinds of channel, those of plug-ins included; none is loaded."""
    return tuple(sorted(plugins.merged("channels", CHANNELS)))


def erp(kind: str) -> ErpClass:
    """The class of an ERP interface. Raises KeyError for a kind that is not one of `erp_kinds`, ConfigError
    for a plug-in that cannot be used."""
    return typing.cast(ErpClass, plugins.load(plugins.merged("erps", ERPS)[kind]))


def channel(kind: str) -> ChannelClass:
    """The class of a channel. Raises KeyError for a kind that is not one of `channel_kinds`, ConfigError for
    a plug-in that cannot be used."""
    return typing.cast(ChannelClass, plugins.load(plugins.merged("channels", CHANNELS)[kind]))


def settings_of(made_by: ErpClass | ChannelClass) -> type[ConnectorSettings]:
    """The settings that a class declares for its `settings` argument. Raises ConfigError where it declares
    none."""
    try:
        found = typing.get_type_hints(made_by.__init__)["settings"]  # type: ignore[misc]  # both are classes
    except (KeyError, NameError, TypeError, AttributeError):
        found = None
    if not (isinstance(found, type) and issubclass(found, ConnectorSettings)):
        raise ConfigError(
            f"{getattr(made_by, '__qualname__', made_by)} does not declare the settings that it takes",
            where=str(getattr(made_by, "__module__", "plug-in")),
            fix="its __init__ needs a parameter `settings` with a class derived from ConnectorSettings",
        )
    return found
