"""A route whose profile is Factur-X: the buyer gets one PDF that is the invoice, judged before it is made."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from formats.detection import detect
from formats.errors import ConfigError
from formats.model import Invoice
from formats.profiles.facturx import HYBRIDS
from formats.registry import PROFILES, SYNTAXES
from gateway import settings
from gateway.appearance import appearance_of
from gateway.cli.setup import write_config
from gateway.config_file import ConfigProblems
from gateway.pipeline.submission import State
from gateway.rules.engine import RulesEngine
from gateway.store import documents
from tests.gateway.stories import SharedRules, Story, billing, tell
from tests.strategies import sample_credit_note, sample_invoice

_WRITTEN = [key for key, hybrid in HYBRIDS.items() if hybrid.everywhere and hybrid.filename == "factur-x.xml"]


@pytest.fixture
def story(tmp_path: Path) -> Iterator[Story]:
    engine = SharedRules()
    with tell(tmp_path, engine) as told:
        routes = tuple(
            route.model_copy(update={"profile": "facturx-en16931"}) if route.channel == "email" else route
            for route in told.gateway.settings.routes
        )
        told.gateway.settings = replace(told.gateway.settings, routes=routes)
        yield told
        told.assert_sound()
    engine.end()


def test_the_buyer_gets_one_pdf_that_carries_the_judged_xml(story: Story) -> None:
    story.put(billing("90000214", customer={"endpoint": "", "email": "einkauf@elbmarsch.example"}))
    story.rounds()
    invoice = story.one("90000214")
    assert (invoice.state, invoice.channel) == (State.DELIVERED, "email")
    (mail,) = [
        mail
        for receiver in story.offline.holdings()["mail"]["receivers"].values()
        for mail in receiver["messages"]
    ]
    assert [file["filename"] for file in mail["attachments"]] == ["90000214.pdf"]
    with story.gateway.database.read() as connection:
        pdf = documents.get(connection, invoice.pdf_digest)
        xml = documents.get(connection, invoice.document_digest)
    found = detect(pdf.content)
    assert found.profile_key == "facturx-en16931"
    assert found.document == xml.content


@pytest.mark.parametrize("invoice", [sample_invoice(), sample_credit_note()], ids=["invoice", "credit note"])
@pytest.mark.parametrize("key", _WRITTEN)
def test_the_official_rules_pass_what_is_written(key: str, invoice: Invoice) -> None:
    profile = PROFILES[key]
    content = SYNTAXES[profile.syntax].write(profile.prepare(invoice))
    with RulesEngine() as engine:
        report = engine.check(content, profile)
    assert report.fatal == ()
    assert report.passed


@pytest.fixture
def config(tmp_path: Path) -> Path:
    write_config(tmp_path / "config", 20_000)
    return tmp_path / "config"


def test_a_company_has_a_colour_and_a_logo(config: Path) -> None:
    """A logo is a file, relative to the config folder."""
    logo = config / "companies" / "logo.svg"
    logo.write_text('<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 2 1"/>', "utf-8")
    file = config / "companies" / "vandael.yaml"
    file.write_text(
        file.read_text("utf-8") + 'appearance:\n  colour: "#104020"\n  logo: companies/logo.svg\n', "utf-8"
    )
    look = appearance_of(settings.read(config).companies["vandael"], config)
    assert look.colour == "#104020"
    assert look.logo is not None
    assert look.logo.media_type == "image/svg+xml"


@pytest.mark.parametrize(
    ("said", "why"),
    [
        ("appearance: {colour: teal}", "'teal' is not a colour"),
        ("appearance: {logo: companies/none.png}", "the logo cannot be read"),
        ("appearance: {logo: gateway.yaml}", "no PNG, JPEG or SVG"),
        ("appearance: {size: 3}", "appearance.size is not a fact"),
    ],
)
def test_an_appearance_that_cannot_be_is_named_when_the_config_is_read(
    config: Path, said: str, why: str
) -> None:
    file = config / "companies" / "vandael.yaml"
    file.write_text(f"{file.read_text('utf-8')}{said}\n", "utf-8")
    with pytest.raises((ConfigProblems, ConfigError), match=why):
        settings.read(config)
