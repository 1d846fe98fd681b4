"""Fetching a publisher's release from the address in `rules.yaml`.

One download, bounded in size, over TLS unless the address says http. A redirect is followed only to a host
that the entry names: release pages hand downloads over to their file servers.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from importlib import resources
from pathlib import Path, PurePosixPath
from typing import Annotated, Final
from urllib.parse import urljoin, urlsplit

from pydantic import BaseModel, ConfigDict, Field, StringConstraints

from connectors.http import HttpClient
from formats.errors import ConfigError, RemoteUnexpected
from gateway import config_file
from gateway.clock import Clock
from gateway.rules.known import KNOWN

__all__ = ["Download", "ReleaseAddress", "RuleAddresses", "download", "read_addresses"]

_LARGEST: Final = 64 * 1024 * 1024
_MOST_HOPS: Final = 4
_REDIRECTS: Final = (301, 302, 303, 307, 308)


class ReleaseAddress(BaseModel):
    """Where one publisher offers one release."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    title: str = Field(description="what it is, for people")
    page: str = Field("", description="the publisher's page about it, for people")
    url: str = Field(description="the file itself: .zip, .jar, .sch, .xsl or .xslt")
    packs: tuple[str, ...] = Field((), description="rule sets to take from it; all that are known without it")
    release: str = Field("", description="the release, where the files do not say it, for example 3.0.21")
    hosts: tuple[str, ...] = Field((), description="further hosts to which the address may redirect")
    sha256: Annotated[str, StringConstraints(pattern=r"^([0-9a-f]{64})?$")] = Field(
        "", description="the digest as the publisher names it; a download with another one is refused"
    )


class RuleAddresses(BaseModel):
    """The file rules.yaml."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    proxy: str = Field("", description="address of a proxy, for example http://proxy.example.com:3128")
    releases: dict[str, ReleaseAddress] = Field(default_factory=dict, description="by name")


@dataclass(frozen=True, slots=True)
class Download:
    """A fetched file: `source` is the address it finally came from."""

    file: Path
    source: str
    size: int
    sha256: str


def read_addresses(config: Path | None) -> RuleAddresses:
    """The addresses in the config folder, or those that the gateway comes with. Raises ConfigProblems."""
    own = config / "rules.yaml" if config is not None else None
    if own is not None and own.is_file():
        return _checked(own)
    installed = resources.files("gateway").joinpath("config_examples", "rules.yaml")
    if installed.is_file():
        with resources.as_file(installed) as file:
            return _checked(file)
    return _checked(Path(__file__).parents[2] / "config" / "rules.yaml")


def download(address: ReleaseAddress, folder: Path, *, clock: Clock, proxy: str = "") -> Download:
    """Fetch the file into `folder`, under its own name.

    Raises RemoteUnavailable, RemoteRefused, RemoteUnexpected (also for a redirect to another host and for
    another digest than the configured one).
    """
    url = address.url
    allowed = {_host(address.url), *address.hosts}
    for _ in range(_MOST_HOPS):
        client = HttpClient(_origin(url), clock=clock, largest=_LARGEST, proxy=proxy)
        try:
            answer = client.request("GET", url, allowed=_REDIRECTS)
        finally:
            client.close()
        if answer.status not in _REDIRECTS:
            return _kept(answer.content, address, url, folder)
        target = urljoin(url, answer.headers.get("Location", ""))
        downgraded = url.startswith("https:") and not target.startswith("https:")
        if _host(target) not in allowed or downgraded:
            raise RemoteUnexpected(
                f"the address leads on to {_host(target) or 'nowhere'}, which is not named in rules.yaml",
                where=f"GET {url[:200]}",
                fix=f"if the publisher's files are there, add the host under hosts: of {address.title}",
            )
        url = target
    raise RemoteUnexpected(
        "the address leads from one place to the next without end",
        where=f"GET {address.url[:200]}",
        fix="open the publisher's page and put the file's own address into rules.yaml",
    )


def _kept(content: bytes, address: ReleaseAddress, url: str, folder: Path) -> Download:
    digest = hashlib.sha256(content).hexdigest()
    if address.sha256 and digest != address.sha256:
        raise RemoteUnexpected(
            f"the file has the digest {digest}, rules.yaml expects {address.sha256}",
            where=f"GET {url[:200]}",
            fix="compare both with the publisher's page; correct rules.yaml only if the publisher says so",
        )
    # The name as configured: what a file server calls it says nothing, and may be anything.
    file = folder / (PurePosixPath(urlsplit(address.url).path).name or "download")
    file.write_bytes(content)
    return Download(file, url.partition("?")[0], len(content), digest)


def _checked(file: Path) -> RuleAddresses:
    addresses = config_file.validated(RuleAddresses, config_file.load(file), file)
    for name, release in addresses.releases.items():
        unknown = [key for key in release.packs if key not in KNOWN]
        if unknown:
            raise ConfigError(
                f"{name} names the rule set {unknown[0]}, which is not known",
                where=str(file),
                fix=f"use some of {', '.join(KNOWN)}",
            )
    return addresses


def _origin(url: str) -> str:
    parts = urlsplit(url)
    return f"{parts.scheme}://{parts.netloc}"


def _host(url: str) -> str:
    parts = urlsplit(url)
    return parts.netloc.lower() if parts.scheme in ("http", "https") else ""
