"""What the offline world's stopped invoices say is in the catalogues; told to a Dutch reader it is Dutch."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest

from gateway.reasons import TRANSLATED, knows, reason
from gateway.store import journal
from tests.gateway.reasons.known import is_known
from tests.gateway.stories import UNREGISTERED, SharedRules, Story, billing, tell
from tests.golden import MAPPING_EXAMPLES

_TOLD = ("what", "fix", "because")


@pytest.fixture(scope="module")
def stopped(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Story]:
    """SAP and Exact with their seeded faults, and a buyer that the network does not know."""
    rules = SharedRules()
    folder = tmp_path_factory.mktemp("reasons")
    with closing(_Ended(rules)), tell(folder, rules, erps=("sap", "exact"), seeded=True) as story:
        unknown = billing("90000214", number="0090009991", customer={"endpoint": UNREGISTERED})
        story.put(unknown)
        story.rounds(3, minutes=30)
        yield story


class _Ended:
    def __init__(self, rules: SharedRules) -> None:
        self._rules = rules

    def close(self) -> None:
        self._rules.end()


def said(story: Story) -> set[str]:
    """Every sentence that is stored about an invoice, and that the record tells of it."""
    found = {text for one in story.listed() for text in (one.sentence, one.fix)}
    with story.gateway.database.read() as connection:
        for entry in journal.entries(connection):
            data = json.loads(entry.data)
            found |= {str(data[name]) for name in _TOLD if data.get(name)}
    return found - {""}


def test_every_sentence_about_a_stopped_invoice_is_in_the_catalogues(stopped: Story) -> None:
    sentences = said(stopped)
    assert len(sentences) > 10
    assert [one for one in sentences if not is_known(one)] == []


@pytest.mark.parametrize(
    "file", sorted(MAPPING_EXAMPLES.rglob("problem.txt")), ids=lambda file: file.parent.name
)
def test_what_mappings_say_of_documents_they_refuse_is_told_in_each_language(file: Path) -> None:
    for one in file.read_text("utf-8").splitlines():
        assert all(reason(one, language) != one for language in TRANSLATED), one


@pytest.mark.parametrize("language", ["nl", "de", "fr"])
def test_a_reader_reads_each_in_their_language(stopped: Story, language: str) -> None:
    for one in said(stopped):
        assert knows(one), one
        assert reason(one, language) != one
