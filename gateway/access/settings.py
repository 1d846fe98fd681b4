"""`sign_in:` of gateway.yaml: people with passwords of ours, and providers of identities (OpenID Connect)."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field, StringConstraints, field_validator

from connectors.base import SecretReference
from gateway.access.rights import ALL_COMPANIES, Role

__all__ = ["Grant", "Provider", "SignInSettings"]

_Name = Annotated[str, StringConstraints(pattern=r"^[a-z0-9][a-z0-9._-]{0,49}$")]


class _Part(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class Grant(_Part):
    """What a person is here who has this value in this claim."""

    claim: str = Field("groups", min_length=1, max_length=200, description="the claim that is looked at")
    value: str = Field(min_length=1, max_length=300, description="the value that it must hold, as a text")
    role: Role = Field(description="administrator, finance, compliance or viewer")
    companies: tuple[str, ...] = Field(
        (ALL_COMPANIES,), min_length=1, description="names of files in companies/; all without it"
    )


class Provider(_Part):
    """One provider of identities, as Entra ID, Okta or Keycloak."""

    name: _Name = Field(description="small letters, digits, dots and hyphens; part of the redirect address")
    title: str = Field(min_length=1, max_length=80, description="what the button on the sign-in page says")
    issuer: str = Field(description="the issuer as the provider writes it, https://...")
    client_id: str = Field(min_length=1, max_length=300, description="as registered with the provider")
    client_secret: SecretReference | None = Field(
        None, description="env:NAME or file:PATH; none for a public client"
    )
    scopes: tuple[str, ...] = Field(("openid", "profile", "email"), description="what is asked for")
    login_claim: str = Field("email", description="the claim that is the login here")
    grants: tuple[Grant, ...] = Field((), description="who is what; a person that none fits gets no access")
    ca_file: str = Field("", description="PEM file of a company's own certificate authority")

    @field_validator("issuer")
    @classmethod
    def _safe(cls, issuer: str) -> str:
        # Loaded where a provider is named: every command reads the settings, few need to call anybody.
        from connectors.http import is_safe_address

        if not is_safe_address(issuer) or "?" in issuer or "#" in issuer:
            raise ValueError("write the address with https://, without ? and #")
        return issuer

    @field_validator("scopes")
    @classmethod
    def _openid(cls, scopes: tuple[str, ...]) -> tuple[str, ...]:
        if "openid" not in scopes:
            raise ValueError("openid must be among them")
        return scopes


class SignInSettings(_Part):
    """How people come in."""

    local: bool = Field(True, description="false: nobody signs in with a password of the gateway")
    second_factor: Literal["optional", "required"] = Field(
        "optional", description="required: whoever signs in with a password sets up an authenticator first"
    )
    providers: tuple[Provider, ...] = Field((), max_length=10, description="providers of identities")

    @field_validator("providers")
    @classmethod
    def _apart(cls, providers: tuple[Provider, ...]) -> tuple[Provider, ...]:
        if len({one.name for one in providers}) != len(providers):
            raise ValueError("each provider needs a name of its own")
        return providers

    def provider(self, name: str) -> Provider | None:
        """The provider with this name."""
        return next((one for one in self.providers if one.name == name), None)
