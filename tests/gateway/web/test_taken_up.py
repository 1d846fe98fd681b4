"""What an administrator adds is taken up by the running gateway, and a broken configuration is told."""

from __future__ import annotations

from gateway.access.rights import ALL_COMPANIES, Role
from gateway.source_files import Difference, SourceFiles
from tests.gateway.web.conftest import Web
from tests.gateway.web.test_administration import ODOO, ask, send


def followed(web: Web) -> SourceFiles:
    return SourceFiles(web.gateway, lambda spec: None, lambda name: None)


def test_a_source_added_in_the_console_is_there_without_a_restart(web: Web) -> None:
    web.add("ingrid", {ALL_COMPANIES: Role.ADMINISTRATOR})
    files = followed(web)
    (web.gateway.settings.folder / "secrets" / "odoo-new").write_text("a-key-of-nobody\n")
    answer = send(web, "ingrid", "/sources/new", act="anyway", **{**ODOO, "name": "sheets"})
    assert "sources/sheets.yaml" in answer.text
    assert "takes it up by itself" in answer.text
    assert files.look() is None
    assert files.look() == Difference(("sheets",), (), ())
    assert "sheets" in ask(web, "ingrid", "/system").text


def test_what_is_not_taken_up_is_told_to_those_who_see_the_whole_system(web: Web) -> None:
    web.add("ingrid", {ALL_COMPANIES: Role.ADMINISTRATOR})
    web.add("pia", {"vandael": Role.FINANCE})
    files = followed(web)
    assert "is not taken up" not in ask(web, "ingrid", "/system").text
    file = web.gateway.settings.folder / "sources" / "broken.yaml"
    file.write_text("name: broken\nkind: pigeon\nmapping: json_invoice\ncompany: vandael\n", "utf-8")
    files.look()
    files.look()
    page = ask(web, "ingrid", "/system").text
    assert "is not taken up" in page
    assert "is not a kind" in page
    assert "broken.yaml" in page
    assert "is not taken up" not in ask(web, "pia", "/system").text
    file.unlink()
    files.look()
    files.look()
    assert "is not taken up" not in ask(web, "ingrid", "/system").text
