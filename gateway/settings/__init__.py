"""The config folder as frozen values.

gateway.yaml          database, workers, retries, logs
routing.yaml          which channel and profile a buyer gets, in order
mandates.yaml         which e-invoice is demanded by law, where that differs from the table; if any
companies/*.yaml      facts of each selling company, for the mappings
sources/*.yaml        one ERP interface each
channels/*.yaml       one way out each
keys/*.yaml           one key that signs each
webhooks/*.yaml       one program each that is told of what happens, if any
mappings/*.yaml       the company's own mapping files, if any
"""

from __future__ import annotations

from gateway.settings.files import (
    ChannelSettings,
    Cost,
    LeftOut,
    Portal,
    Route,
    Settings,
    SourceSettings,
    Web,
)
from gateway.settings.reading import read
from gateway.settings.secret import reveal

__all__ = [
    "ChannelSettings",
    "Cost",
    "LeftOut",
    "Portal",
    "Route",
    "Settings",
    "SourceSettings",
    "Web",
    "read",
    "reveal",
]
