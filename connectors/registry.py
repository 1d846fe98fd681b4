"""The connectors there are, one line each: the kind as config files name it, and where its class lives.

Classes are loaded when a kind is used, so that a SAP customer does not wait for NetSuite's libraries.
"""

from __future__ import annotations

import typing
from collections.abc import Mapping
from importlib import import_module
from types import MappingProxyType
from typing import Final, Protocol

from connectors.base import Channel, ConnectorSettings, ErpConnector, Surroundings

__all__ = ["CHANNELS", "ERPS", "ChannelClass", "ErpClass", "channel", "erp", "settings_of"]

ERPS: Final[Mapping[str, str]] = MappingProxyType(
    {
        "sap-idoc": "connectors.erp.sap_idoc:SapIdoc",
        "exact-online": "connectors.erp.exact_online:ExactOnline",
        "netsuite-soap": "connectors.erp.netsuite_soap:NetSuiteSoap",
    }
)

CHANNELS: Final[Mapping[str, str]] = MappingProxyType(
    {
        "sftp-outbox": "connectors.channels.sftp_outbox:SftpOutbox",
        "email": "connectors.channels.email:Email",
    }
)


class ErpClass(Protocol):
    """How a connector is made."""

    def __call__(self, name: str, settings: typing.Any, surroundings: Surroundings) -> ErpConnector: ...


class ChannelClass(Protocol):
    """How a channel is made."""

    def __call__(self, name: str, settings: typing.Any, surroundings: Surroundings) -> Channel: ...


def erp(kind: str) -> ErpClass:
    """The class of an ERP interface. Raises KeyError for a kind that is not in `ERPS`."""
    return typing.cast(ErpClass, _load(ERPS[kind]))


def channel(kind: str) -> ChannelClass:
    """The class of a channel. Raises KeyError for a kind that is not in `CHANNELS`."""
    return typing.cast(ChannelClass, _load(CHANNELS[kind]))


def settings_of(made_by: ErpClass | ChannelClass) -> type[ConnectorSettings]:
    """The settings that a class declares for its `settings` argument."""
    hints = typing.get_type_hints(made_by.__init__)  # type: ignore[misc]  # both are classes
    return typing.cast(type[ConnectorSettings], hints["settings"])


def _load(place: str) -> object:
    module, _, name = place.partition(":")
    return getattr(import_module(module), name)
