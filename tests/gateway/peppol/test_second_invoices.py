"""A second invoice under a number: known by who sends it, however the name is written."""

from __future__ import annotations

from connectors.sandbox.peppol.documents import Person
from gateway.store.inbox import State
from tests.gateway.peppol.conftest import OUR_BUYER, SUPPLIER, Site


def send(site: Site, number: str, name: str, *, vat: str = SUPPLIER["vat"], participant: str = "") -> None:
    seller = Person(participant or SUPPLIER["participant"], name, vat=vat)
    buyer = Person(OUR_BUYER["participant"], OUR_BUYER["name"])
    assert site.network.outgoing.send_invoice(number, seller=seller, buyer=buyer).delivered


def states(site: Site, count: int) -> list[State]:
    site.until(lambda: len(site.items()) == count and site.settled())
    return [one.state for one in site.items()]


def test_another_spelling_of_the_seller_is_the_same_seller(site: Site) -> None:
    names = ("Supplier NV", "SUPPLIER NV ", "Supplier N.V.", "Something Else BV")
    for name in names:
        send(site, "IN-1", name)
        site.until(site.settled)
    assert states(site, 4) == [State.HANDED_OVER, State.PARKED, State.PARKED, State.PARKED]
    assert len(list((site.gateway.settings.folder / "received").glob("*.xml"))) == 1
    assert "VAT number" in site.items()[-1].sentence


def test_another_sender_with_the_same_number_is_nobody_s_twin(site: Site) -> None:
    send(site, "IN-1", "Supplier NV")
    site.until(site.settled)
    send(site, "IN-1", "Quite Another NV", vat="BE1999307184", participant="0208:1999307184")
    assert states(site, 2) == [State.HANDED_OVER, State.HANDED_OVER]
