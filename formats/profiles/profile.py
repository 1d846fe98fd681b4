"""What a profile is: a named use of EN 16931, with its identifiers, its syntax and the rules that judge
it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import date

from formats.model.invoice import Invoice
from formats.profiles.leaving_out import leave_out

__all__ = ["FileNumbers", "Profile"]


@dataclass(frozen=True, slots=True)
class FileNumbers:
    """For a network that knows each file by a number which its transmitter uses once.

    `transmitter` names who that is, "" where nobody is named; `text` is the n-th number, from 1;
    `numbered` is the invoice with the number in it; `file_name` is made of invoice, number and the key of
    the signature profile, "" for a file without a signature.
    """

    transmitter: Callable[[Invoice], str]
    text: Callable[[int], str]
    numbered: Callable[[Invoice, str], Invoice]
    file_name: Callable[[Invoice, str, str], str]


@dataclass(frozen=True, slots=True, kw_only=True)
class Profile:
    """One profile as published.

    `specification_id` is BT-24, "" for a profile that is told by its business process alone;
    `business_process` is BT-23. `also` are parts of BT-24 by which other versions and extensions of the
    profile are recognised. `rule_packs` are keys of rule packs, run in this order after the schema. `schema`
    is the key of a schema of the profile's own, "" for that of `syntax`; `in_pdf` says that a PDF carries the
    document. `family` is the name that stands for the profile in every syntax, "" where it has only one.
    `judged_only` says that we judge such documents and do not write them: they need, or refuse, what the core
    invoice does not know. `national` says that its vocabulary is that of one country and does not carry every
    term of the core invoice; what is lost is named. `without` are terms and groups of the core invoice for
    which it has no room. `signatures` are the kinds of signature that its authority takes (keys of
    `formats.signatures.profiles`), the usual one first, and `must_be_signed` that it takes none without;
    `file_numbers` is for networks that number files; `shape` is the same invoice with national codes written
    as the profile wants them. `valid_from` is the day from which the named release
    binds, None where its publisher names none; `sources` say where its facts come from.
    """

    key: str
    title: str
    specification_id: str
    business_process: str | None
    syntax: str
    rule_packs: tuple[str, ...]
    valid_from: date | None
    sources: tuple[str, ...]
    also: tuple[str, ...] = ()
    schema: str = ""
    in_pdf: bool = False
    family: str = ""
    judged_only: bool = False
    national: bool = False
    without: frozenset[str] = frozenset()
    signatures: tuple[str, ...] = ()
    must_be_signed: bool = False
    file_numbers: FileNumbers | None = None
    shape: Callable[[Invoice], Invoice] | None = None

    @property
    def schema_key(self) -> str:
        return self.schema or self.syntax

    def fits(self, identifier: str, process: str) -> bool:
        """Whether a document of this profile's syntax with this BT-24 and BT-23 is one of it, to the
        letter."""
        if not self.specification_id:
            return not identifier and process == self.business_process
        return identifier == self.specification_id

    def resembles(self, identifier: str) -> bool:
        """Whether BT-24 names another version or an extension of this profile."""
        return any(part in identifier for part in self.also)

    def prepare(self, invoice: Invoice) -> Invoice:
        """The invoice under this profile: BT-24 and BT-23 set to its identifiers, what it has no room for
        left out, national codes in its `shape`, all else as it was. Preparing twice changes nothing more.

        A profile without a business process of its own leaves BT-23 as the invoice has it.
        """
        process = self.business_process or invoice.business_process
        invoice = leave_out(invoice, self.without)[0]
        invoice = self.shape(invoice) if self.shape is not None else invoice
        return replace(invoice, specification_id=self.specification_id or None, business_process=process)

    def lost(self, invoice: Invoice) -> tuple[str, ...]:
        """The terms and groups of this invoice that `prepare` leaves out, and BT-23 where it says another
        business process than the invoice."""
        lost = leave_out(invoice, self.without)[1]
        ours, said = self.business_process, invoice.business_process
        replaced = bool(ours and said and ours != said)
        return tuple(dict.fromkeys((*(("BT-23",) if replaced else ()), *lost)))
