"""What an operator may set for an access-point provider that is reached over REST.

Facts of the interface that its public description leaves open are settings, with what is documented or
usual as default.
"""

from __future__ import annotations

from typing import Annotated, Final

from pydantic import Field, StringConstraints, model_validator

from connectors.base import SecretReference
from connectors.kit.server import ServerSettings
from formats.codelists import tables
from formats.identifiers import Identifier

__all__ = ["ProviderRestSettings"]

_Words = tuple[Annotated[str, StringConstraints(min_length=1, max_length=100)], ...]
# Where the provider's name differs from the network's: 0216 took the place of 0037, and kept its name there.
_OWN_NAMES: Final = {"0216": "FI:OVT"}


class ProviderRestSettings(ServerSettings):
    """The `settings:` of a provider: our account there, and the provider's words."""

    base_url: str = Field(
        "https://api.storecove.com/api/v2", description="address of the interface, up to the version"
    )
    api_key: SecretReference = Field(description="env:NAME or file:PATH of the API key of our account")
    legal_entity_id: int | None = Field(
        None, ge=1, description="the provider's number of the company that sends, where there is only one"
    )
    legal_entities: dict[str, Annotated[int, Field(ge=1)]] = Field(
        default_factory=dict,
        description="the same for several companies, by electronic address (BT-34), for example "
        '"9930:DE814567205": 1001',
    )
    schemes: dict[str, str] = Field(
        default_factory=dict,
        description="the provider's names of schemes where they differ from the network's, by EAS, for "
        'example "0216": FI:OVT',
    )
    parse: bool = Field(
        True,
        description="the provider reads the document and writes it anew; false sends it as it is, which not "
        "every account may",
    )
    ask_before_sending: bool = Field(
        True, description="ask whether the receiver is in the network before the first attempt"
    )
    reachable_codes: _Words = Field(("OK",), description="answers to that question that mean yes")
    unreachable_codes: _Words = Field(("NOK",), description="answers to that question that mean no")
    unreachable_sources: _Words = Field(
        ("routing", "eIdentifiers"),
        description="a refusal (422) whose source names one of these is about the receiver: the next route "
        "is tried",
    )
    duplicate_sources: _Words = Field(
        ("idempotencyGuid", "idempotency_guid"),
        description="a refusal (422) whose source or details name one of these says that the message is "
        "there already",
    )
    delivered_events: _Words = Field(("succeeded",), description="events that mean: delivered")
    unreachable_events: _Words = Field(
        ("no_action_taken",),
        description="events that mean: nobody was found to deliver to, so the next route",
    )
    failed_events: _Words = Field(
        ("failed",), description="events that mean: given up, for people to look at"
    )
    remembers_ids_days: int = Field(
        7,
        ge=1,
        le=3_650,
        description="how long the provider surely knows an id again; an older attempt without an answer "
        "waits for a person",
    )
    evidence_within_minutes: int = Field(
        60,
        ge=0,
        description="how long evidence of a delivery may be late before the event alone is taken as proof",
    )
    look_after_minutes: int = Field(
        60, ge=1, description="a message without an event for so long is asked after, by its evidence"
    )
    drop_foreign_events: bool = Field(
        False,
        description="true to delete events that are not about messages of ours; false to stop at the first, "
        "for the queue belongs to the whole account",
    )
    most_events: int = Field(500, ge=1, le=10_000, description="events read in one round")
    most_watched: int = Field(
        2_000, ge=10, le=20_000, description="messages whose evidence is asked for without an event"
    )
    largest_megabytes: int = Field(20, ge=1, le=100, description="larger documents are not sent")

    @model_validator(mode="after")
    def _sends_for_somebody(self) -> ProviderRestSettings:
        if self.legal_entity_id is None and not self.legal_entities:
            raise ValueError("name the company that sends: legal_entity_id, or legal_entities by address")
        return self

    def legal_entity(self, sender: Identifier | None) -> int | None:
        """The provider's number of the company with this address; None where it has none."""
        wanted = str(sender or "").casefold()
        known = {address.casefold(): number for address, number in self.legal_entities.items()}
        return known.get(wanted, self.legal_entity_id)

    def scheme(self, eas: str) -> str | None:
        """The provider's name of a scheme: what is set, or the network's name of it; None for an unknown
        code."""
        names = {row["icd"]: row["name"] for row in tables.rows("participant_schemes")}
        return {**names, **_OWN_NAMES, **self.schemes}.get(eas)
