"""What a profile is: a named use of EN 16931, with its identifiers, its syntax and the rules that judge
it."""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import date

from formats.model.invoice import Invoice

__all__ = ["Profile"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Profile:
    """One profile as published.

    `specification_id` is BT-24, `business_process` BT-23. `rule_packs` are keys of rule packs, run in this
    order after the schema. `schema` is the key of a schema of the profile's own, "" for that of `syntax`;
    `in_pdf` says that a PDF carries the document. `valid_from` is the day from which the named release binds,
    `sources` say where its facts come from.
    """

    key: str
    title: str
    specification_id: str
    business_process: str | None
    syntax: str
    rule_packs: tuple[str, ...]
    valid_from: date
    sources: tuple[str, ...]
    schema: str = ""
    in_pdf: bool = False

    @property
    def schema_key(self) -> str:
        return self.schema or self.syntax

    def prepare(self, invoice: Invoice) -> Invoice:
        """The invoice under this profile: BT-24 and BT-23 set to its identifiers, all else as it was.

        A profile without a business process of its own leaves BT-23 as the invoice has it.
        """
        process = self.business_process or invoice.business_process
        return replace(invoice, specification_id=self.specification_id, business_process=process)
