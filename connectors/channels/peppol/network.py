"""What the settings of a Peppol channel make: trust, revocation, keys and the directory of receivers."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from datetime import datetime, timedelta
from pathlib import Path
from typing import Final

from connectors.base import Surroundings
from connectors.channels.peppol.discovery.lookup import Directory
from connectors.channels.peppol.discovery.naptr import SmpLookup, resolvers
from connectors.channels.peppol.discovery.smp import SmpClient, SmpOptions
from connectors.channels.peppol.pki import keys as keys_module
from connectors.channels.peppol.pki.certificates import HeldCertificate, seat_id
from connectors.channels.peppol.pki.download import AuthorityDownloads
from connectors.channels.peppol.pki.keys import KeyRing
from connectors.channels.peppol.pki.revocation import CrlThenOcsp, Refreshed, Unchecked, Untold
from connectors.channels.peppol.pki.trust import Authorities, Role, Stage, Trust, authorities, read_folder
from connectors.channels.peppol.pki.watched import Watched, certificate_files
from connectors.channels.peppol.settings import PeppolSettings
from formats.errors import ConfigError

__all__ = ["PeppolNetwork"]

_NAMES: Final = {Role.ACCESS_POINT: "access point CA", Role.SMP: "SMP CA"}


class PeppolNetwork:
    """One stage of the network as one installation sees it. Each part is made when first asked for.

    Raises ConfigError where trust folder, keys or resolvers are not as they should be. Safe to share between
    threads; close it when done.
    """

    def __init__(self, settings: PeppolSettings, surroundings: Surroundings) -> None:
        self._settings = settings
        self._surroundings = surroundings
        self._lock = threading.RLock()
        self._trust_folder = self._below(settings.trust_folder or f"trust/{settings.stage}")
        self._authorities = Watched(lambda: certificate_files(self._trust_folder), self._read_authorities)
        self._keys = Watched(self._key_files, self._read_keys, _followed)
        self._downloads: AuthorityDownloads | None = None
        self._revocation: CrlThenOcsp | None = None
        self._trust: Trust | None = None
        self._directory: Directory | None = None

    @property
    def authorities(self) -> Authorities:
        """The issuing authorities of the stage, from the trust folder as it is now."""
        return self._authorities.value

    @property
    def trust(self) -> Trust:
        """Who decides on the certificates of others, by the trust folder as it is now."""
        trusted = self.authorities
        with self._lock:
            if self._trust is None:
                settings = self._settings
                self._trust = Trust(
                    trusted,
                    Unchecked() if settings.revocation == "off" else self._asked(),
                    soft_fail=timedelta(hours=settings.revocation_soft_fail_hours),
                    policies=settings.certificate_policies,
                )
            elif self._trust.authorities is not trusted:
                self._trust.follow(trusted)
                if self._directory is not None:
                    self._directory.forget_all()
            return self._trust

    @property
    def keys(self) -> KeyRing:
        """Our own keys, from their files as they are now. A key whose file was exchanged goes on opening
        messages until the gateway is started anew."""
        return self._keys.value

    @property
    def problems(self) -> tuple[ConfigError, ...]:
        """Why changed files of trust and keys could not be taken; what was before still counts."""
        return tuple(one.problem for one in (self._authorities, self._keys) if one.problem is not None)

    @property
    def directory(self) -> Directory:
        """Where receivers are looked up."""
        trust = self.trust
        with self._lock:
            if self._directory is None:
                settings = self._settings
                options = SmpOptions(
                    timeout=(settings.connect_seconds, settings.read_seconds),
                    verify=str(self._below(settings.ca_file)) if settings.ca_file else True,
                    proxy=settings.proxy,
                    allow_internal=settings.allow_internal,
                )
                self._directory = Directory(
                    SmpLookup(settings.zones_in_use, resolvers(settings.resolvers), settings.dns_seconds),
                    SmpClient(trust, clock=self._surroundings.clock, options=options),
                    trust,
                    allow_internal=settings.allow_internal,
                )
            return self._directory

    def refresh_revocation(self, at: datetime) -> tuple[Refreshed, ...]:
        """Renew the revocation lists that will end soon; for the background, at the start and every few
        minutes.

        The list of our own certificate's authority is that of all access points: it is fetched before the
        first message needs it. Raises ConfigError as the parts do, and nothing that the other side causes.
        """
        with self._lock:
            issuers = self.trust.authorities.of(Role.ACCESS_POINT)
            revocation = self._revocation
            own = self.keys.active.certificate if self._settings.keys else None
        if revocation is None:
            return ()
        for issuer in issuers:
            if own is not None and own.issuer == issuer.subject:
                revocation.watch(own, issuer)
        return revocation.refresh(at)

    @property
    def untold(self) -> tuple[Untold, ...]:
        """The authorities that do not say, at the moment, what they have taken back."""
        with self._lock:
            return self._revocation.untold if self._revocation is not None else ()

    def held(self) -> tuple[HeldCertificate, ...]:
        """Every certificate whose end would stop the traffic: ours, and those of the authorities."""
        own = self.keys.held() if self._settings.keys else ()
        issuing = tuple(
            HeldCertificate(_NAMES[role], one) for role in Role for one in self.authorities.of(role)
        )
        return (*own, *sorted(issuing, key=lambda one: seat_id(one.certificate)))

    def close(self) -> None:
        """Let go of all connections; safe to repeat."""
        with self._lock:
            if self._directory is not None:
                self._directory.close()
            if self._downloads is not None:
                self._downloads.close()

    def _asked(self) -> CrlThenOcsp:
        settings = self._settings
        self._downloads = AuthorityDownloads(
            settings.revocation_hosts, clock=self._surroundings.clock, proxy=settings.proxy
        )
        folder = self._below(settings.revocation_cache) if settings.revocation_cache else None
        self._revocation = CrlThenOcsp(self._downloads, folder=folder)
        return self._revocation

    def _read_authorities(self) -> Authorities:
        settings = self._settings
        return authorities(
            Stage(settings.stage),
            read_folder(self._trust_folder, password=settings.trust_store_password),
            pins=settings.pinned_ca_keys,
            where=str(self._trust_folder),
        )

    def _read_keys(self) -> KeyRing:
        secret, folder = self._surroundings.secret, self._surroundings.folder
        issuers = self.authorities.of(Role.ACCESS_POINT)
        return keys_module.key_ring(
            [
                keys_module.load(
                    keys_module.read_reference(one.key, secret=secret, folder=folder),
                    secret(one.password) if one.password is not None else None,
                    where=one.key,
                    issuers=issuers,
                )
                for one in self._settings.keys
            ]
        )

    def _key_files(self) -> Iterator[Path]:
        """Also the authorities: a key whose authority was missing may be sound now."""
        for one in self._settings.keys:
            for reference in (one.key, one.password or ""):
                kind, _, name = reference.partition(":")
                if kind == "file":
                    yield self._below(name)
        yield from certificate_files(self._trust_folder)

    def _below(self, path: str) -> Path:
        return self._surroundings.folder / path


def _followed(before: KeyRing, now: KeyRing) -> KeyRing:
    return now.after(before)
