"""How the files of a source are to be read: the settings under `format:`."""

from __future__ import annotations

import codecs
import re
from collections.abc import Mapping
from contextlib import suppress
from typing import Final, Literal

from pydantic import Field, field_validator

from connectors.base import ConnectorSettings

__all__ = ["FormatSettings", "column_name"]

# Ways to write text as other text: in a file they are a mistake, and they can give halves of signs.
_NO_CHARACTER_SETS: Final = frozenset(
    {"idna", "punycode", "raw-unicode-escape", "undefined", "unicode-escape", "utf-7"}
)


class FormatSettings(ConnectorSettings):
    """What a file is, and how it says what it says.

    A table (csv, xlsx) has one row for each invoice line, and repeats the invoice's number in each of them.
    """

    kind: Literal["csv", "xlsx", "json", "xml", "einvoice"] = Field(
        description="csv, xlsx, json, xml, or einvoice (UBL, Cross Industry Invoice, hybrid PDF)"
    )
    encoding: str = Field("utf-8", description="csv: the character set, as in utf-8 or cp1252")
    delimiter: str = Field(
        ";", min_length=1, max_length=1, description="csv: the character between the columns"
    )
    decimal: Literal[",", "."] = Field(
        ".",
        description="csv, and texts in xlsx: the sign before the decimals; the other one groups thousands",
    )
    date_form: str = Field(
        "%Y-%m-%d",
        description="csv, and texts in xlsx: how dates are written, as in %d.%m.%Y (year, month and day)",
    )
    sheet: str = Field("", description="xlsx: the name of the sheet; empty: the first one")
    header_row: int = Field(1, ge=1, le=1000, description="csv, xlsx: the row with the names of the columns")
    columns: Mapping[str, str] = Field(
        {},
        description="csv, xlsx: your names of columns and the mapping's, as in Rechnungsnummer: number",
    )
    group_by: tuple[str, ...] = Field(
        ("number",), min_length=1, description="csv, xlsx: the columns whose values make one invoice"
    )
    numbers: frozenset[str] = Field(
        frozenset(
            {
                "quantity",
                "price",
                "price_per",
                "discount",
                "net",
                "tax_rate",
                "prepaid",
                "vat_in_vat_currency",
            }
        ),
        description="csv, xlsx: the columns that hold numbers",
    )
    dates: frozenset[str] = Field(
        frozenset({"issue_date", "due_date", "delivery_date", "refers_to_date"}),
        description="csv, xlsx: the columns that hold dates",
    )
    line_columns: frozenset[str] = Field(
        frozenset(
            {
                *("line", "item", "description", "quantity", "unit", "price", "price_per", "discount", "net"),
                *("tax_code", "tax_rate", "buyer_item", "gtin", "line_note"),
            }
        ),
        description="csv, xlsx: the columns that may differ from row to row of one invoice",
    )
    formulas: Literal["cached", "refuse"] = Field(
        "cached", description="xlsx: take a formula's last value (cached), or refuse the file"
    )
    records: str = Field(
        "",
        description="json: where the list of invoices is, as in data.invoices; xml: the element of one "
        "invoice; empty: the whole file is one invoice, or a json list of them",
    )
    key: tuple[str, ...] = Field(
        ("number",),
        min_length=1,
        description="json, xml: where what identifies an invoice stands, as in header.number",
    )

    @field_validator("encoding")
    @classmethod
    def _encoding_exists(cls, value: str) -> str:
        try:
            known = codecs.lookup(value).name.replace("_", "-") not in _NO_CHARACTER_SETS
            # Refuses by LookupError what turns no bytes into text (base64, rot13); looking up alone does not.
            with suppress(UnicodeError):
                b"a".decode(value)
        except (LookupError, ValueError):
            known = False
        if not known:
            raise ValueError("no such character set; write utf-8, cp1252 or iso-8859-1")
        return value

    @field_validator("date_form")
    @classmethod
    def _date_is_whole(cls, value: str) -> str:
        parts = set(re.findall(r"%([A-Za-z])", value))
        if not ({"Y"} <= parts or {"y"} <= parts) or not {"m", "d"} <= parts or parts - set("Yymd"):
            raise ValueError("write year, month and day, as in %d.%m.%Y")
        return value


def column_name(heading: str) -> str:
    """A heading as mappings name it: small letters, digits and underscores ("Unit price" is unit_price)."""
    return re.sub(r"[^0-9a-z]+", "_", heading.strip().casefold()).strip("_")
