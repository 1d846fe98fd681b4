"""The `settings:` of a Peppol channel, as far as they concern whom to trust and how to find receivers.

Sources of the defaults: Peppol SML specification 1.3.0 (zones, in use since 2026), Peppol PKI G3 (hosts of
revocation lists).
"""

from __future__ import annotations

from typing import Annotated, Final, Literal, Self

from pydantic import Field, StringConstraints, model_validator

from connectors.base import ConnectorSettings, SecretReference

__all__ = ["ZONES", "PeppolKey", "PeppolSettings"]

ZONES: Final = {
    "test": ("participant.sml.test.tech.peppol.org",),
    "production": ("participant.sml.prod.tech.peppol.org",),
}
_Zone = Annotated[str, StringConstraints(pattern=r"^[a-z0-9-]+(\.[a-z0-9-]+)+\.?$")]
_Host = Annotated[str, StringConstraints(pattern=r"^[A-Za-z0-9.-]+(:[0-9]{1,5})?$")]
_KeyDigest = Annotated[str, StringConstraints(pattern=r"^[0-9a-f]{64}$")]
_Policy = Annotated[str, StringConstraints(pattern=r"^[0-9]+(\.[0-9]+)+$")]
_Path = Annotated[str, StringConstraints(pattern=r"^[^\x00-\x1f]*$")]


class PeppolKey(ConnectorSettings):
    """One certificate of our access point with its private key."""

    key: SecretReference = Field(
        description="file: of a PKCS#12 (.p12) or PEM file with certificate and private key, or env: of its "
        "text (PKCS#12 as base64)"
    )
    password: SecretReference | None = Field(None, description="env:NAME or file:PATH of its password")


class PeppolSettings(ConnectorSettings):
    """Stage, zones, trust, keys and revocation of one access point."""

    stage: Literal["test", "production"] = Field(
        "test", description="test or production: two networks with authorities and zones of their own"
    )
    zones: tuple[_Zone, ...] = Field(
        (),
        description="DNS zones in which participants are looked up, in order; empty for those of the stage",
    )
    resolvers: tuple[str, ...] = Field(
        (),
        description="name servers to ask, as 192.0.2.53 or 192.0.2.53:5353, two or more; empty for those of "
        "this machine",
    )
    dns_seconds: float = Field(
        3.0, gt=0, le=30, description="seconds to wait for each name server, 30 at most"
    )
    trust_folder: _Path = Field(
        "",
        description="folder with the CA certificates of Peppol (.pem, .crt, .cer, .p12), below the config "
        "folder; empty for trust/test or trust/production",
    )
    trust_store_password: str = Field(
        "peppol", description="password of .p12 files in it; it is published with them, and no secret"
    )
    pinned_ca_keys: tuple[_KeyDigest, ...] = Field(
        (), description="SHA-256 of the public keys of issuing CAs; no others count then; empty for all"
    )
    certificate_policies: tuple[_Policy, ...] = Field(
        (), description="certificate policies of which others must have one, as 2.16.1.2; empty for any"
    )
    keys: tuple[PeppolKey, ...] = Field(
        (),
        description="our certificates with their keys: the newest valid one signs; keep the one before for "
        "30 days after a renewal",
    )
    revocation: Literal["crl-then-ocsp", "off"] = Field(
        "crl-then-ocsp",
        description="crl-then-ocsp asks the authorities whether a certificate was taken back; off only for "
        "trials in the stage test",
    )
    revocation_hosts: tuple[_Host, ...] = Field(
        ("crl.one.nl.digicert.com", "ocsp.one.nl.digicert.com"),
        description="hosts of the authorities that may be asked, as name or name:port",
    )
    revocation_soft_fail_hours: float = Field(
        0.0,
        ge=0,
        le=168,
        description="hours after the authority's last word for which a certificate still counts when the "
        "authority is out of reach; 0 for none, 168 at most",
    )
    revocation_cache: _Path = Field(
        "crl", description="folder for revocation lists, below the config folder; empty to keep none"
    )
    connect_seconds: float = Field(5.0, gt=0, description="seconds to wait for a connection to an SMP")
    read_seconds: float = Field(20.0, gt=0, description="seconds of silence before an SMP is given up")
    ca_file: _Path = Field("", description="PEM file of your own certificate authority, if a proxy needs it")
    proxy: str = Field("", description="address of a web proxy, if the way out needs one")
    allow_internal: bool = Field(
        False,
        description="true only for trials on one machine: addresses of the network may lead inside, and "
        "http:// to this machine is allowed",
    )

    @model_validator(mode="after")
    def _sound(self) -> Self:
        if self.stage == "production":
            if self.allow_internal:
                raise ValueError("allow_internal is for trials only, and the stage is production")
            if self.revocation == "off":
                raise ValueError("revocation cannot be off in production; see revocation_soft_fail_hours")
            if len(self.resolvers) == 1:
                raise ValueError("resolvers needs two name servers or more in production, or none")
        return self

    @property
    def zones_in_use(self) -> tuple[str, ...]:
        """The zones to ask, in order."""
        return self.zones or ZONES[self.stage]
