"""Who is registered in the imitated network at the start, and how buyers behave.

Receivers are the buyers of the imitated ERPs; all are invented.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

from connectors.sandbox.peppol.documents import Reason

__all__ = ["BEHAVIOURS", "BUYERS", "BUYERS_OF_AP3", "REDIRECTED", "SELLERS", "WILDCARD_BUYER", "Response"]

# Sellers of the sample configuration, which our own access point receives for.
SELLERS: Final = (
    *("0208:1999307184", "9930:DE814567205", "0106:64712035", "0106:68034127", "0106:71203465"),
    *("0106:90009878", "0208:0765432146", "0208:0123498717"),
)
BUYERS: Final = (
    *("0088:4399876500025", "0088:9012345000318", "0106:72451806", "0106:75320618", "0106:90001354"),
    *("0106:90004321", "0106:99812346", "0183:CHE123456788", "0183:CHE999123455"),
    *("0190:00000001004321765000", "0204:01062-80412-93", "0208:0479031233", "0208:0672901866"),
    *("0208:0738124072", "0208:1999412696", "0208:1999624019", "0208:1999736558", "0208:1999801389"),
    *("9930:DE188302743", "9930:DE314500008", "9930:DE315208462", "9930:DE317845607", "9930:DE999812346"),
)
# Buyers behind the other access point.
BUYERS_OF_AP3: Final = ("0106:90001362", "9930:DE255619205")
# A buyer whose first SMP sends askers on to the second one.
REDIRECTED: Final = "0088:5419990001235"
# A buyer that takes every international invoice of the PINT family.
WILDCARD_BUYER: Final = "0088:8712345000103"


@dataclass(frozen=True, slots=True)
class Response:
    """One Invoice Response that a buyer sends, so many seconds after the invoice."""

    code: str
    after: float
    reasons: tuple[Reason, ...] = ()


_GOT: Final = Response("AB", 0.2)
BEHAVIOURS: Final[Mapping[str, tuple[Response, ...]]] = {
    "silent": (),
    "acknowledges": (_GOT,),
    "accepts": (_GOT, Response("AP", 0.6)),
    "processes": (_GOT, Response("IP", 0.4)),
    "queries": (
        _GOT,
        Response(
            "UQ",
            0.6,
            (
                Reason("REF", "The purchase order number is missing"),
                Reason("PIN", "", "OPStatusAction"),
            ),
        ),
    ),
    "accepts-conditionally": (
        _GOT,
        Response("CA", 0.6, (Reason("PAY", "We pay after 30 days"), Reason("NOA", "", "OPStatusAction"))),
    ),
    "rejects": (
        _GOT,
        Response(
            "RE",
            0.6,
            (Reason("QTY", "Only three of four pallets arrived"), Reason("CNA", "", "OPStatusAction")),
        ),
    ),
    "pays": (_GOT, Response("AP", 0.5), Response("PD", 0.9)),
    "pays-partly": (_GOT, Response("AP", 0.5), Response("PD", 0.9, (Reason("PPD", "The first half"),))),
}
