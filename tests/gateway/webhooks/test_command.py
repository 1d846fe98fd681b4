"""gateway webhooks: a program is added, tried, given a new secret, sent anew and removed by hand."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from typer.testing import CliRunner

from formats.errors import ConfigError
from gateway.cli.program import app
from tests.gateway.webhooks.conftest import NAME, Receiver


def call(config: Path, *arguments: str, status: int = 0) -> str:
    done = CliRunner().invoke(app, ["--config", str(config), "webhooks", *arguments])
    if done.exception is not None and not isinstance(done.exception, SystemExit):
        raise done.exception
    assert done.exit_code == status, done.output
    return done.output


def listed(config: Path) -> dict[str, dict[str, object]]:
    return {row["name"]: row for row in json.loads(call(config, "--json"))}


def test_what_is_in_the_folder_is_listed_without_its_secret(config: Path) -> None:
    told = listed(config)
    assert set(told) == {NAME}
    assert told[NAME]["configured"] is True
    assert "whsec" not in call(config)


def test_a_test_says_whether_it_was_taken(config: Path, receiver: Receiver) -> None:
    listed(config)
    assert "took it" in call(config, "test", NAME, "--by", "it")
    assert receiver.types == ["webhook.test"]
    receiver.stop()
    assert "down" in call(config, "test", NAME, "--by", "it", status=1)


def test_one_is_added_and_removed_by_hand(config: Path, receiver: Receiver) -> None:
    told = call(config, "add", "shop 2", receiver.url, "--event", "invoice.paid", "--by", "it")
    assert "whsec_" in told
    assert listed(config)["shop 2"]["events"] == ["invoice.paid"]
    assert "whsec_" in call(config, "secret", "shop 2", "--by", "it")
    call(config, "remove", "shop 2", "--by", "it")
    assert set(listed(config)) == {NAME}


def test_events_are_sent_again_by_hand(config: Path, receiver: Receiver) -> None:
    listed(config)
    call(config, "test", NAME, "--by", "it")
    event = receiver.got[0].event["id"]
    call(config, "replay", NAME, "--since", event, "--by", "it")
    assert [one.event["id"] for one in receiver.got] == [event, event]
    assert "0 events" in call(config, "replay", NAME, "--by", "it")


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (("add", "x", "http://hooks.example.com/", "--event", "*"), "https"),
        (("add", "x", "https://10.0.0.1/", "--event", "*"), "inner network"),
        (("add", "x", "https://hooks.example.com/", "--event", "invoice.eaten"), "no such event"),
        (("add", "x", "https://hooks.example.com/", "--event", "*", "--company", "nobody"), "no company"),
        (("remove", NAME), "config folder"),
        (("secret", NAME), "config folder"),
        (("test", "nobody"), "no webhook named"),
    ],
)
def test_what_cannot_be_is_refused_in_words(config: Path, arguments: tuple[str, ...], said: str) -> None:
    with pytest.raises(ConfigError, match=said):
        call(config, *arguments, "--by", "it")


def test_mistakes_in_a_file_are_named_with_their_line(config: Path) -> None:
    file = config / "webhooks" / "shop.yaml"
    file.write_text(
        "name: shop\nurl: https://user@hooks.example.com/\nevents: [invoice.eaten]\nsecrets: []\n"
    )
    with pytest.raises(ConfigError) as caught:
        call(config)
    told = str(caught.value)
    assert "user name" in told
    assert "line 2" in told
    assert "3 more" in told
