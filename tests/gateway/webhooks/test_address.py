"""Only addresses outside are called, and those inside that IT named."""

from __future__ import annotations

import pytest

from formats.errors import ConfigError
from gateway.store import webhooks as store
from gateway.webhooks import deciding
from gateway.webhooks.address import target
from tests.gateway.webhooks.conftest import World


@pytest.mark.parametrize(
    "url",
    [
        "http://hooks.example.com/",
        "https://127.0.0.1/",
        "https://127.1/",
        "https://2130706433/",
        "https://0x7f.0.0.1/",
        "https://[::1]/",
        "https://[::ffff:10.0.0.1]/",
        "https://169.254.169.254/latest/meta-data",
        "https://user@hooks.example.com/",
        "https://hooks.example.com\\@10.0.0.1/",
        "https://hooks.example.com/#part",
        "https://hooks.example.com/a/../b",
        "https://hooks.example.com/\nx",
        "ftp://hooks.example.com/",
        "https:///nothing",
        "https://hooks.example.com:99999/",
        "gopher://127.0.0.1:70/_x",
    ],
)
def test_addresses_that_are_never_called(url: str) -> None:
    with pytest.raises(ConfigError):
        target(url, hosts=(), inside=("erp.internal:8080",))


@pytest.mark.parametrize(
    ("url", "hosts", "fine"),
    [
        ("https://hooks.example.com/a", (), True),
        ("https://hooks.example.com/a", ("hooks.example.com",), True),
        ("https://a.example.com/a", ("*.example.com",), True),
        ("https://example.com/a", ("*.example.com",), False),
        ("https://badexample.com/a", ("*.example.com",), False),
        ("https://example.com.evil.example/a", ("example.com",), False),
        ("http://erp.internal:8080/a", ("example.com",), True),
        ("http://erp.internal:8081/a", (), False),
    ],
)
def test_an_allow_list_holds_to_the_letter(url: str, hosts: tuple[str, ...], fine: bool) -> None:
    if fine:
        assert target(url, hosts=hosts, inside=("erp.internal:8080",)).path == "/a"
        return
    with pytest.raises(ConfigError):
        target(url, hosts=hosts, inside=("erp.internal:8080",))


def test_a_name_that_leads_inside_is_not_called_whatever_it_led_to_before(world: World) -> None:
    """`localhost` is a name like any other here: what it leads to is judged when the connection is made."""
    url = f"https://localhost:{world.receiver.port}/"
    made = deciding.add(world.gateway, "rebound", url=url, events=["*"], by="it")
    world.invoice("2026-1")
    world.sender.one(made.webhook.id)
    assert world.receiver.got == []
    with world.gateway.database.read() as connection:
        found = store.get(connection, made.webhook.id)
    assert found is not None
    assert "inner network" in found.sentence


def test_an_address_that_is_no_longer_allowed_gets_nothing(world: World) -> None:
    made = deciding.add(world.gateway, "api", url=world.receiver.url, events=["*"], by="it")
    nowhere = world.gateway.settings.webhooks.model_copy(update={"inside": ()})
    object.__setattr__(world.gateway.settings, "webhooks", nowhere)
    world.invoice("2026-1")
    world.sender.one(made.webhook.id)
    assert world.receiver.got == []
