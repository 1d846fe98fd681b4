"""The keys that sign, from references in the configuration: PEM files or PKCS#12 containers.

    name: seal                                # keys/seal.yaml
    certificate: file:secrets/seal.pem        # the certificate, and the chain above it
    private_key: file:secrets/seal.key
    password: file:secrets/seal.password      # if the key is encrypted
    signs:
      - profiles: [fatturapa-fpa12]
        companies: [brightwater]

Of several keys for the same e-invoices the one whose certificate began last signs, from its first day on: a
renewed one lies beside the old one until then. Files are read relative to the config folder. `env:` holds PEM
text, or base64 of a PKCS#12 container. Keys in a PKCS#11 token or with a signing service need a class with
`signer(name, at)` like this one.
"""

from __future__ import annotations

import base64
import binascii
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from pathlib import Path
from typing import Final, Protocol

from cryptography import x509
from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.hazmat.primitives.serialization import load_pem_private_key, pkcs12

from formats.errors import ConfigError
from formats.profiles.profile import Profile
from formats.signatures.certificates import CertificateFacts
from formats.signatures.signer import PrivateKey, Signer
from gateway.key_settings import KeySettings
from gateway.settings import reveal

__all__ = ["Chosen", "Expiry", "FileKeys", "KeyProvider", "KeySettings", "Standing"]

_LARGEST: Final = 1024 * 1024
_WARN: Final = timedelta(days=90)


@dataclass(frozen=True, slots=True)
class Expiry:
    """A key whose certificate ends soon, or has ended (then `days` is negative)."""

    name: str
    days: int
    certificate: CertificateFacts

    @property
    def sentence(self) -> str:
        if self.days < 0:
            return f"The certificate of the key {self.name} expired on {self.certificate.valid_to:%Y-%m-%d}."
        return f"The certificate of the key {self.name} ends in {self.days} days; renew it now."


@dataclass(frozen=True, slots=True)
class Standing:
    """A key as people see it: what it signs, and its certificate or why it cannot be used."""

    name: str
    profiles: tuple[str, ...]
    companies: tuple[str, ...]
    certificate: CertificateFacts | None
    problem: ConfigError | None = None

    def state(self, at: datetime) -> str:
        """`usable`, `ends soon` (within 90 days of `at`), `expired`, `not yet valid` or `unusable`."""
        if self.certificate is None:
            return "unusable"
        if at < self.certificate.valid_from:
            return "not yet valid"
        if at > self.certificate.valid_to:
            return "expired"
        return "ends soon" if self.certificate.valid_to - at <= _WARN else "usable"


@dataclass(frozen=True, slots=True)
class Chosen:
    """The key that signs e-invoices of one profile and company; `signature` is how (a signature profile)."""

    name: str
    signature: str
    signer: Signer


class KeyProvider(Protocol):
    """Where keys come from."""

    def signer(self, name: str, at: datetime) -> Signer:
        """The key of that name, valid at `at` (aware). Raises ConfigError."""
        ...


@dataclass(frozen=True, slots=True)
class FileKeys:
    """Keys in files or environment variables, read anew each time: a renewed one counts at once."""

    keys: Mapping[str, KeySettings] = field(repr=False)
    folder: Path

    @classmethod
    def of(cls, keys: Iterable[KeySettings], folder: Path) -> FileKeys:
        """Raises ConfigError for a name that stands there twice."""
        found: dict[str, KeySettings] = {}
        for key in keys:
            if key.name in found:
                raise ConfigError(
                    f"there are two keys named {key.name}", where="keys", fix="rename one of them"
                )
            found[key.name] = key
        return cls(found, folder)

    def signer(self, name: str, at: datetime) -> Signer:
        """The key of that name, valid at `at` (aware).

        Raises ConfigError: unknown, unreadable, wrong password, key and certificate apart, too weak, or not
        valid then.
        """
        signer = self._load(name)
        facts = signer.facts
        if not facts.valid_from <= at <= facts.valid_to:
            raise ConfigError(
                f"it is valid from {facts.valid_from:%Y-%m-%d} to {facts.valid_to:%Y-%m-%d} only",
                where=f"key {name}",
                fix="renew the certificate and put the new one in its place",
            )
        return signer

    def choose(self, profile: Profile, company: str, at: datetime) -> Chosen | None:
        """The key that signs e-invoices of this profile and company at `at` (aware); None where none is named
        for them.

        Of several the one whose certificate began last. Raises ConfigError where some are named and none can
        be used: unreadable, expired, not yet valid.
        """
        usable: list[tuple[datetime, Chosen]] = []
        problems: list[ConfigError] = []
        for settings in self.keys.values():
            signature = _signature(settings, profile, company)
            if signature is None:
                continue
            try:
                signer = self.signer(settings.name, at)
            except ConfigError as problem:
                problems.append(problem)
                continue
            usable.append((signer.facts.valid_from, Chosen(settings.name, signature, signer)))
        if usable:
            return max(usable, key=lambda one: one[0])[1]
        if problems:
            raise problems[0]
        return None

    def standing(self) -> tuple[Standing, ...]:
        """Every key, by name; one that cannot be read with the reason."""
        return tuple(self._standing(self.keys[name]) for name in sorted(self.keys))

    def ends(self) -> tuple[tuple[str, datetime], ...]:
        """Every key that can be read with the moment (UTC) at which its certificate ends, soonest first."""
        found = [(one.name, one.certificate.valid_to) for one in self.standing() if one.certificate]
        return tuple(sorted(found, key=lambda one: (one[1], one[0])))

    def expiring(self, at: datetime) -> tuple[Expiry, ...]:
        """Keys whose certificates end within 90 days of `at` (aware), or have ended, soonest first; without
        those that another key for the same e-invoices stands ready for. Raises ConfigError for a key that
        cannot be read."""
        found = []
        for name in self.keys:
            facts = self._load(name).facts
            left = facts.valid_to - at
            if left <= _WARN and not self._renewed(name, facts):
                found.append(Expiry(name, left.days, facts))
        return tuple(sorted(found, key=lambda one: (one.days, one.name)))

    def _renewed(self, name: str, facts: CertificateFacts) -> bool:
        """Whether another key signs the same without a gap, and for longer."""
        signs = self.keys[name].signs
        others = (other for other in self.keys.values() if signs and other.name != name)
        for other in others:
            if not set(signs) <= set(other.signs):
                continue
            later = self._load(other.name).facts
            if later.valid_from <= facts.valid_to < later.valid_to:
                return True
        return False

    def _standing(self, settings: KeySettings) -> Standing:
        profiles = tuple(dict.fromkeys(key for one in settings.signs for key in one.profiles))
        companies = tuple(dict.fromkeys(name for one in settings.signs for name in one.companies))
        try:
            facts = self._load(settings.name).facts
        except ConfigError as problem:
            return Standing(settings.name, profiles, companies, None, problem)
        return Standing(settings.name, profiles, companies, facts)

    def _load(self, name: str) -> Signer:
        if name not in self.keys:
            raise ConfigError(
                f"there is no key named {name!r}", where="keys", fix="add it, or correct the name"
            )
        settings = self.keys[name]
        password = None if settings.password is None else reveal(settings.password, self.folder).encode()
        if settings.pkcs12 is not None:
            return _from_container(_binary(settings.pkcs12, self.folder), password, settings.pkcs12)
        if settings.certificate is None or settings.private_key is None:
            raise ConfigError("the key is not complete", where=f"key {name}", fix="name both its files")
        chain = _certificates(_text(settings.certificate, self.folder), settings.certificate)
        key = _private_key(_text(settings.private_key, self.folder), password, settings.private_key)
        return Signer(chain[0], key, chain[1:])


def _signature(settings: KeySettings, profile: Profile, company: str) -> str | None:
    """How this key signs e-invoices of the profile and company; None where it does not."""
    for one in settings.signs:
        if profile.key in one.profiles and (not one.companies or company in one.companies):
            return one.signature or profile.signatures[0]
    return None


def _certificates(pem: bytes, where: str) -> tuple[x509.Certificate, ...]:
    try:
        return tuple(x509.load_pem_x509_certificates(pem))
    except (ValueError, UnsupportedAlgorithm) as error:
        raise ConfigError(
            "this is no certificate in PEM text",
            where=where,
            fix="it begins with BEGIN CERTIFICATE; openssl x509 -inform der turns DER into PEM",
        ) from error


def _private_key(pem: bytes, password: bytes | None, where: str) -> PrivateKey:
    try:
        return _usable(load_pem_private_key(pem, password), where)
    except (ValueError, TypeError, UnsupportedAlgorithm):
        # From None: the library's own text may hold a part of the file.
        raise _locked(where) from None


def _from_container(container: bytes, password: bytes | None, where: str) -> Signer:
    try:
        key, certificate, others = pkcs12.load_key_and_certificates(container, password)
    except (ValueError, TypeError, UnsupportedAlgorithm):
        raise _locked(where) from None
    if key is None or certificate is None:
        raise ConfigError(
            "the container has no key with its certificate",
            where=where,
            fix="export key and certificate together, with the chain",
        )
    return Signer(certificate, _usable(key, where), _ordered(certificate, others))


def _ordered(
    certificate: x509.Certificate, others: Iterable[x509.Certificate]
) -> tuple[x509.Certificate, ...]:
    """The chain above a certificate, nearest first; containers hold it in any order."""
    by_name = {one.subject: one for one in others}
    chain: list[x509.Certificate] = []
    last = certificate
    while last.issuer in by_name and by_name[last.issuer] not in (last, *chain):
        last = by_name[last.issuer]
        chain.append(last)
    return tuple(chain)


def _usable(key: object, where: str) -> PrivateKey:
    if isinstance(key, rsa.RSAPrivateKey | ec.EllipticCurvePrivateKey):
        return key
    raise ConfigError(
        "the key is neither RSA nor ECDSA", where=where, fix="ask your provider for an RSA or ECDSA key"
    )


def _locked(where: str) -> ConfigError:
    return ConfigError(
        "the key cannot be opened: the password is wrong or missing, or the file is damaged",
        where=where,
        fix="check the password; write old containers anew with `openssl pkcs12 -legacy`",
    )


def _text(reference: str, folder: Path) -> bytes:
    return reveal(reference, folder).encode("utf-8")


def _binary(reference: str, folder: Path) -> bytes:
    kind, _, name = reference.partition(":")
    if kind == "env":
        try:
            return base64.b64decode(reveal(reference, folder), validate=True)
        except (binascii.Error, ValueError):
            raise ConfigError(
                "the variable does not hold base64 text", where=reference, fix="use `base64 -w0` on the file"
            ) from None
    file = folder / name
    try:
        with file.open("rb") as opened:
            content = opened.read(_LARGEST + 1)
    except OSError as error:
        raise ConfigError(
            f"the key cannot be read: {error.strerror}",
            where=reference,
            fix=f"put it into {file}, readable by this user only",
        ) from error
    if len(content) > _LARGEST:
        raise ConfigError("the file is too large for a key", where=reference, fix="name the right file")
    return content
