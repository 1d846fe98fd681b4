"""Who is told: webhooks of the config folder, whose facts are in their files, and those made through the API,
whose facts are in the database with their secrets sealed."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime

from formats.errors import ConfigError
from gateway import settings
from gateway.access.sealing import Seal
from gateway.store.webhooks import Webhook
from gateway.webhooks import kinds, signing
from gateway.webhooks.events import Event
from gateway.wiring import Gateway

__all__ = ["Receiver", "keys_of", "receiver_of", "seal"]

_PURPOSE = "webhook"


@dataclass(frozen=True, slots=True)
class Receiver:
    """One webhook as it is to be used."""

    webhook: Webhook = field(repr=False)
    url: str
    events: tuple[str, ...]
    companies: tuple[str, ...]

    def wants(self, event: Event) -> bool:
        """Whether this event is for it. What belongs to no company is for those of all companies only."""
        if event.only and event.only != self.webhook.id:
            return False
        if self.companies and event.company not in self.companies and not event.only:
            return False
        return kinds.wanted(self.events, event.queued.type)


def receiver_of(gateway: Gateway, webhook: Webhook) -> Receiver:
    """Raises ConfigError for one whose file is gone."""
    if not webhook.configured:
        return Receiver(webhook, webhook.url, webhook.events, webhook.companies)
    file = next((one for one in gateway.settings.webhook_files if one.name == webhook.name), None)
    if file is None:
        raise ConfigError(
            f"there is no webhook {webhook.name} any more", where="webhooks/", fix="put its file back"
        )
    return Receiver(webhook, file.url, file.events, file.companies)


def keys_of(gateway: Gateway, webhook: Webhook, *, now: datetime) -> tuple[bytes, ...]:
    """The bytes that events are signed with now, the newest first. Raises ConfigError, never with a
    secret."""
    where = f"webhook {webhook.name}"
    if webhook.configured:
        file = next((one for one in gateway.settings.webhook_files if one.name == webhook.name), None)
        references = file.secrets if file is not None else ()
        return tuple(signing.key(settings.reveal(one, gateway.settings.folder), where) for one in references)
    opened = seal(gateway).opened
    keys = [signing.key(opened(webhook.secret), where)]
    if webhook.old_secret and webhook.old_until is not None and now < webhook.old_until:
        keys.append(signing.key(opened(webhook.old_secret), where))
    return tuple(keys)


def seal(gateway: Gateway) -> Seal:
    """What secrets in the database are sealed with."""
    return Seal(settings.reveal(gateway.settings.web.secret, gateway.settings.folder), _PURPOSE)
