"""What is sent with a call is bounded before anybody asks who calls, whatever the sender announces."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from gateway.web.bodies import LARGEST
from tests.gateway.web.conftest import Web

PART = b"x" * 100_000


def unannounced() -> Iterator[bytes]:
    """A body that is too large and comes without Content-Length."""
    yield b"login="
    for _ in range(3 * LARGEST // len(PART)):
        yield PART


@pytest.mark.parametrize("path", ["/sign-in", "/sign-out", "/people", "/api/v1/webhooks", "/p/nothing"])
def test_a_body_that_is_announced_too_large_is_refused_unread(web: Web, path: str) -> None:
    answer = web.client.post(path, content=b"x" * (LARGEST + 1))
    assert answer.status_code == 413
    assert answer.headers["content-type"] == "application/problem+json"
    assert "larger than 1000000 bytes" in answer.json()["detail"]
    assert answer.headers["x-content-type-options"] == "nosniff"


@pytest.mark.parametrize(
    ("path", "kind"),
    [
        ("/sign-in", "application/x-www-form-urlencoded"),
        ("/sign-in", "multipart/form-data; boundary=x"),
        ("/api/v1/webhooks", "application/json"),
    ],
)
def test_a_body_without_a_length_is_counted_while_it_comes(web: Web, path: str, kind: str) -> None:
    answer = web.client.post(path, content=unannounced(), headers={"Content-Type": kind})
    assert answer.status_code == 413
    assert answer.headers["content-type"] == "application/problem+json"


def test_a_body_up_to_the_bound_is_read(web: Web) -> None:
    start = b"password=x&login=somebody&more="
    form = start + b"x" * (LARGEST - len(start))
    kind = {"Content-Type": "application/x-www-form-urlencoded"}
    assert web.client.post("/sign-in", content=form, headers=kind).status_code == 401


@pytest.mark.parametrize("path", ["/api/v1/sources/nowhere/documents", "/as4", "/as4/nowhere"])
def test_doors_for_documents_keep_their_own_bound(web: Web, path: str) -> None:
    assert web.client.post(path, content=b"x" * (LARGEST + 1)).status_code in (400, 404)
