"""The settings of a key that signs, one file in keys/ each, and what it signs."""

from __future__ import annotations

from collections.abc import Container, Iterator
from typing import Annotated, Self

from pydantic import BaseModel, ConfigDict, Field, StringConstraints, model_validator

from connectors.base import SecretReference
from formats.registry import PROFILES

__all__ = ["KeySettings", "Signs", "key_problems"]

_Name = Annotated[str, StringConstraints(pattern=r"^[a-z0-9][a-z0-9._-]{0,99}$")]


class Signs(BaseModel):
    """What a key signs by itself: e-invoices of these profiles, of these companies."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    profiles: tuple[str, ...] = Field(
        min_length=1, description="profiles whose e-invoices it signs, for example [fatturapa-fpa12]"
    )
    companies: tuple[_Name, ...] = Field(
        (), description="names of files in companies/ that it signs for; empty for all"
    )
    signature: str = Field(
        "", description="the kind of signature, where the profile takes several; empty for the usual one"
    )


class KeySettings(BaseModel):
    """One key to sign with: `certificate` and `private_key`, or `pkcs12`."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    name: _Name = Field(description="small letters, digits, dots and hyphens")
    certificate: SecretReference | None = Field(
        None, description="file: or env: of the certificate as PEM, with the chain above it behind it"
    )
    private_key: SecretReference | None = Field(None, description="file: or env: of the private key as PEM")
    pkcs12: SecretReference | None = Field(
        None, description="file: of a PKCS#12 container (.p12, .pfx), or env: of its base64 text"
    )
    password: SecretReference | None = Field(
        None, description="file: or env: of the password of the key or the container"
    )
    signs: tuple[Signs, ...] = Field(
        (), description="what it signs by itself; empty for a key that only commands use"
    )

    @model_validator(mode="after")
    def _one_kind(self) -> Self:
        pem = self.certificate is not None and self.private_key is not None
        if pem == (self.pkcs12 is not None) or (self.pkcs12 and (self.certificate or self.private_key)):
            raise ValueError("a key has either certificate and private_key, or pkcs12")
        return self


def key_problems(signs: Signs, companies: Container[str]) -> Iterator[tuple[str, str]]:
    """What is wrong with this, and what to do: unknown names, kinds of signature that a profile does not
    take."""
    for key in signs.profiles:
        profile = PROFILES.get(key)
        if profile is None:
            yield f"it signs the profile {key[:100]}, which is not known", f"use one of {', '.join(PROFILES)}"
        elif not profile.signatures:
            yield f"the profile {key} takes no signature", "take it out of the list"
        elif signs.signature and signs.signature not in profile.signatures:
            yield (
                f"the profile {key} does not take the signature {signs.signature[:100]}",
                f"use one of {', '.join(profile.signatures)}, or leave it out",
            )
    for company in signs.companies:
        if company not in companies:
            yield (
                f"there is no company {company}",
                f"write companies/{company}.yaml, or name another company",
            )
