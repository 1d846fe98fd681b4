"""Four eyes: what takes effect only when two people have agreed to it, held against what is in force.

A part is something that the configuration says (the routes, one channel, the mapping of one source), the
route that somebody gave to one buyer, or an account that invoices name to pay to. Its digest covers the
values that this process works with, not a file that may be edited meanwhile. With `four_eyes: on` a step that
a part decides runs only while the last approval of that part has the same digest. Editing a file therefore
changes nothing before two people have agreed, and putting an old file back is a change like any other.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass
from functools import lru_cache
from typing import Any, Final

from ruamel.yaml import YAML
from ruamel.yaml.error import YAMLError
from sqlalchemy import Connection, insert, select

from formats.errors import ConfigError, ConflictError
from formats.model import Invoice
from gateway.settings import ChannelSettings, Settings, SourceSettings
from gateway.store import changes
from gateway.store.buyer_routes import BuyerRoute
from gateway.store.changes import Kind
from gateway.store.parties import masked
from gateway.store.submissions import Submission
from gateway.store.tables import found_accounts
from gateway.wiring import Gateway
from mappings import registry as mapping_registry

__all__ = [
    "AccountNotAgreed",
    "Part",
    "accounts_found",
    "agreed",
    "buyer_route",
    "buyer_route_end",
    "configured",
    "known_accounts",
    "require_account",
    "require_channel",
    "require_mapping",
    "require_routes",
]

_FIX: Final = "two people agree to it in the console, page Changes, or with: gateway changes"


class AccountNotAgreed(ConfigError):
    """An invoice names an account to pay to that two people have not agreed to: it stops, and no other."""


@dataclass(frozen=True, slots=True)
class Part:
    """One thing that two people agree to. `text` is what they look at; `company` is whose it is, "" for all;
    `stops` is what is said where work waits for it."""

    kind: Kind
    subject: str
    company: str
    text: str
    stops: str

    @property
    def digest(self) -> str:
        """Of the text: another text is another change."""
        return hashlib.sha256(self.text.encode()).hexdigest()


def configured(settings: Settings) -> tuple[Part, ...]:
    """What the configuration says, in parts: the routes, each channel, the mapping of each source."""
    return (
        _routes(settings),
        *(_channel(one) for one in settings.channels),
        *(_mapping(settings, one) for one in settings.sources),
    )


def agreed(connection: Connection, part: Part) -> bool:
    """Whether exactly this is what was approved last."""
    found = changes.approved(connection, part.kind, part.subject)
    return found is not None and found.digest == part.digest


def buyer_route(one: BuyerRoute) -> Part:
    """What two people agree to before a buyer goes by a route of its own."""
    return _buyer_route(one, {})


def buyer_route_end(one: BuyerRoute) -> Part:
    """What they agree to before it ends: another text of the same subject, so that the one approved last
    tells which of the two holds."""
    return _buyer_route(one, {"ends": "when this is agreed"})


def known_accounts(connection: Connection) -> tuple[Part, ...]:
    """Accounts that stopped an invoice, approved since or not, oldest first."""
    rows = connection.execute(select(found_accounts).order_by(found_accounts.c.found_at)).all()
    return tuple(_account(row.company, row.account) for row in rows)


def accounts_found(connection: Connection) -> tuple[Part, ...]:
    """Those of them that nobody has approved."""
    return tuple(part for part in known_accounts(connection) if not agreed(connection, part))


def require_mapping(gateway: Gateway, source: str) -> None:
    """Before a document is mapped. ConfigError while the mapping waits for a second person."""
    if gateway.settings.four_eyes:
        _require(gateway, _mapping(gateway.settings, gateway.source_settings(source)))


def require_routes(gateway: Gateway) -> None:
    """Before a way is chosen. ConfigError while the routes wait for a second person."""
    if gateway.settings.four_eyes:
        _require(gateway, _routes(gateway.settings))


def require_channel(gateway: Gateway, name: str) -> None:
    """Before something is handed over. ConfigError while the channel waits for a second person."""
    channel = next((one for one in gateway.settings.channels if one.name == name), None)
    if gateway.settings.four_eyes and channel is not None:
        _require(gateway, _channel(channel))


def require_account(gateway: Gateway, submission: Submission, invoice: Invoice) -> None:
    """Before something is handed over: that two people agreed to each account it says to pay to.

    An account comes from the ERP or from the company's file; wherever it was changed, it ends up here. Raises
    AccountNotAgreed, and keeps the account for the page Changes.
    """
    if not gateway.settings.four_eyes or invoice.payment is None:
        return
    company = gateway.source_settings(submission.source).company
    named = (one.account or "" for one in invoice.payment.credit_transfers)
    for account in dict.fromkeys(_plain(one) for one in named if one.strip()):
        part = _account(company, account)
        with gateway.database.read() as connection:
            if agreed(connection, part):
                continue
        _keep(gateway, company, account, part.digest, submission.id)
        raise AccountNotAgreed(part.stops, where=f"invoice {submission.number}", fix=_FIX)


def _require(gateway: Gateway, part: Part) -> None:
    with gateway.database.read() as connection:
        if agreed(connection, part):
            return
    raise ConfigError(part.stops, where=part.subject, fix=_FIX)


def _keep(gateway: Gateway, company: str, account: str, digest: str, submission: str) -> None:
    there = (found_accounts.c.company == company, found_accounts.c.digest == digest)
    with gateway.database.read() as connection:
        if connection.execute(select(found_accounts.c.digest).where(*there)).first() is not None:
            return
    values = {"company": company, "digest": digest, "account": account, "submission": submission}
    try:
        with gateway.database.begin() as connection:
            connection.execute(insert(found_accounts).values(found_at=gateway.clock(), **values))
    except ConflictError:  # another worker found it at the same moment
        return


def _account(company: str, account: str) -> Part:
    # Each account is a subject of its own: a company may have several at a time.
    mark = hashlib.sha256(account.encode()).hexdigest()[:12]
    return Part(
        Kind.BANK_DETAILS,
        f"account {masked('iban', account)} of {company} ({mark})",
        company,
        f"company: {company}\naccount to pay to: {account}\n",
        f"two people have not agreed yet to the account {masked('iban', account)} of {company}",
    )


def _routes(settings: Settings) -> Part:
    said = {
        "routes": [route.model_dump(mode="json") for route in settings.routes],
        "address_from_master_data": sorted(settings.address_from_master_data),
        "mandates": settings.mandates.model_dump(mode="json"),
    }
    return Part(
        Kind.ROUTING,
        "routing.yaml",
        "",
        _lines(said),
        "the routes were changed, and two people have not agreed yet",
    )


def _buyer_route(one: BuyerRoute, more: Mapping[str, str]) -> Part:
    said = {
        "buyer": one.buyer,
        "known by": f"{one.term} {one.value}",
        "company": one.company,
        "goes by the route": one.route,
        "until": one.until.isoformat() if one.until else "no end",
        "despite a mandate": one.despite_mandate,
        **more,
    }
    return Part(
        Kind.ROUTING,
        f"route of {one.buyer[:200]} ({one.id[:8]})",
        one.company,
        _lines(said),
        f"the route of {one.buyer[:200]} was changed, and two people have not agreed yet",
    )


def _channel(channel: ChannelSettings) -> Part:
    said = {"kind": channel.kind, "settings": channel.settings.model_dump(mode="json")}
    return Part(
        Kind.ROUTING,
        f"channel {channel.name}",
        "",
        _lines(said),
        f"the channel {channel.name} was changed, and two people have not agreed yet",
    )


def _mapping(settings: Settings, source: SourceSettings) -> Part:
    said = _lines({"mapping": source.mapping, "company": source.company})
    own = _own_texts(source.mapping, tuple(sorted(settings.own_mappings.items())))
    return Part(
        Kind.MAPPING,
        f"mapping of {source.name}",
        source.company,
        f"{said}{own}",
        f"the mapping of {source.name} was changed, and two people have not agreed yet",
    )


@lru_cache(maxsize=256)
def _own_texts(mapping: str, own: tuple[tuple[str, str], ...]) -> str:
    """The company's own files that decide what a mapping does: itself, what it extends, and their tables.
    What comes with a release changes with the release."""
    if not own:
        return ""
    mine = dict(own)
    texts = {**mapping_registry.texts(), **mine}
    found: list[str] = []
    wanted = [f"{mapping}.yaml"]
    while wanted:
        name = wanted.pop(0)
        if name in found or name not in texts:
            continue
        found.append(name)
        said = _read(texts[name])
        if isinstance(base := said.get("extends"), str):
            wanted.append(f"{base}.yaml")
        wanted += [one for one in said.get("tables_from") or () if isinstance(one, str)]
    return "".join(f"\n# {name}\n{mine[name]}" for name in found if name in mine)


def _read(text: str) -> Mapping[str, Any]:
    try:
        said = YAML(typ="safe", pure=True).load(text)
    except (YAMLError, ValueError, RecursionError):  # the engine says where it is wrong
        return {}
    return said if isinstance(said, dict) else {}


def _lines(said: Mapping[str, Any]) -> str:
    """One setting a line, so that a difference shows as one."""
    return json.dumps(said, indent=1, sort_keys=True, ensure_ascii=False, default=str) + "\n"


def _plain(account: str) -> str:
    return "".join(sign for sign in account.upper() if sign.isalnum())[:100]
