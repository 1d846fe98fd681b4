"""The `settings:` of an access point of our own: the network (`PeppolSettings`), and what is sent and
received."""

from __future__ import annotations

from typing import Annotated, Literal, Self

from pydantic import Field, StringConstraints, model_validator

from connectors.base import ConnectorSettings
from connectors.channels.peppol.settings import PeppolSettings

__all__ = ["AccessPointSettings", "ServedParticipant"]

_Domain = Annotated[str, StringConstraints(pattern=r"^[a-z0-9-]+(\.[a-z0-9-]+)+$", max_length=100)]
_Country = Annotated[str, StringConstraints(pattern=r"^[A-Z]{2}$")]
_Participant = Annotated[str, StringConstraints(pattern=r"^[0-9]{4}:[^\s]{1,130}$")]


class ServedParticipant(ConnectorSettings):
    """One participant whose documents come to us."""

    address: _Participant = Field(description="as in the SMP, for example 0208:0123456749")
    country: _Country = Field(description="where they are at home, as BE; the monthly reports say it")


class AccessPointSettings(PeppolSettings):
    """Corner 2 and corner 3: what we send in whose name, and for whom we receive."""

    domain: _Domain = Field(description="a domain of yours; it stands in the ids of all messages")
    country: _Country = Field(description="where the operator of the access point is at home, as BE")
    status_wanted: Literal["always", "on failure"] = Field(
        "on failure",
        description="when the receiving access point is to tell what became of a document: always, or on "
        "failure",
    )
    status_to: str = Field(
        "", description="who receives that status, as 0242:000001; empty for the seat of our certificate"
    )
    delivered_by: Literal["receipt", "status"] = Field(
        "receipt",
        description="an invoice counts as delivered by the receipt of the receiving access point, or only by "
        "its status; the latter needs status_wanted: always",
    )
    receive: bool = Field(
        False, description="true: documents are received, too, at /as4 of the web interface"
    )
    participants: tuple[ServedParticipant, ...] = Field(
        (), description="whom we receive for; documents for others are refused"
    )
    document_types: tuple[str, ...] = Field(
        (), description="what we receive, as scheme::value; empty for all documents that the gateway can read"
    )
    largest_megabytes: int = Field(
        100, ge=1, le=2000, description="the largest message that is taken, in MB, unpacked"
    )
    report_to: str = Field(
        "9925:be0848934496",
        description="who receives the monthly statistics of the production network; empty to send none",
    )
    spool_folder: str = Field("spool", description="folder for messages under way, below the config folder")

    @model_validator(mode="after")
    def _answerable(self) -> Self:
        if self.delivered_by == "status" and self.status_wanted != "always":
            raise ValueError("delivered_by: status needs status_wanted: always")
        return self
