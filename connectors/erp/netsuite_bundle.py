"""One NetSuite transaction with the records around it, as one XML document.

The parts are the elements as the service answered them, only given names of their own:

    <netsuite kind="invoice">
      <record>                    the invoice or credit memo, whole
      <customer>
      <subsidiary>
      <currency>
      <preceding>                 the invoice that a credit memo was made from
      <file>                      an attached file, content included
      <line kind="InventoryItem"> for each item line:
        <entry>                   the line once more, with its <item> and <taxCode>
      <missing kind="file" id="9001" code="RCRD_DSNT_EXIST"/>
                                  what a record names and the service did not give

so that an expression that looks at a line sees its item and tax code beside it. A discount or markup item
applies to the line directly above it (NetSuite help, Discount Items), so it stands inside the <line> of that
one, as <adjustment kind="DiscountItem"> with the same parts. Where it follows a subtotal or a description, or
has another tax code, it is a line of its own and belongs to the document.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Iterator, Mapping, Sequence
from collections.abc import Set as AbstractSet
from copy import deepcopy
from dataclasses import dataclass
from typing import Final

from lxml import etree

from connectors.erp.netsuite_service import Found, Read, RecordKey

__all__ = ["Bundle", "item_ids", "related"]

_XSI_TYPE: Final = "{http://www.w3.org/2001/XMLSchema-instance}type"
_LINES: Final = "{*}itemList/{*}item"
_BODY_TAX_CODES: Final = ("shippingTaxCode", "handlingTaxCode")
_ADJUSTMENTS: Final = frozenset({"DiscountItem", "MarkupItem"})
_END_OF_GROUP: Final = "End of Group"
# A line of these kinds sells nothing, so that a discount below it is not one of that line.
_NOT_ADJUSTED: Final = frozenset(
    {"", "SubtotalItem", "DescriptionItem", "ItemGroup", "EndGroup", *_ADJUSTMENTS}
)
# What payments, stock, other invoices of the customer, and saving itself move without a change of the
# invoice.
_FLEETING: Final = frozenset(
    {
        "lastModifiedDate",
        "dateLastModified",
        "status",
        "amountPaid",
        "amountRemaining",
        "balance",
        "consolBalance",
        "overdueBalance",
        "depositBalance",
        "unbilledOrders",
        "aging",
        "aging1",
        "aging2",
        "aging3",
        "aging4",
        "toBePrinted",
        "toBeEmailed",
        "recognizedRevenue",
        "deferredRevenue",
        "revRecStatus",
        "estGrossProfit",
        "estGrossProfitPercent",
        "totalCostEstimate",
        "costEstimate",
        "averageCost",
        "lastPurchasePrice",
        "totalValue",
        "quantityOnHand",
        "quantityAvailable",
        "quantityCommitted",
        "quantityBackOrdered",
        "quantityOnOrder",
        "locationsList",
    }
)


@dataclass(frozen=True, slots=True)
class Bundle:
    """A transaction's element and what was read around it, by key and item id."""

    key: RecordKey
    record: etree._Element
    related: Mapping[RecordKey, Read]
    items: Mapping[str, Found]
    attachment_field: str

    def content(self) -> bytes:
        """The document in UTF-8; the same records always give the same bytes."""
        return etree.tostring(self._tree(), xml_declaration=True, encoding="UTF-8")

    def fingerprint(self, status_fields: AbstractSet[str]) -> str:
        """SHA-256 (hex) of what makes the invoice: without the moment of the last change, the custom fields
        of these script ids (they hold our own news), what was paid, and balances and stock around it."""
        root = self._tree()
        for element in list(root.iter("{*}*")):
            parent = element.getparent()
            if parent is None:
                continue
            name = etree.QName(element).localname
            if name in _FLEETING or (name == "customField" and element.get("scriptId") in status_fields):
                parent.remove(element)
            elif name == "customField":
                # Known by its script id; the number beside it is no fact of the invoice.
                element.attrib.pop("internalId", "")
        for listed in list(root.iter("{*}customFieldList")):
            parent = listed.getparent()
            if parent is not None and not len(listed):
                parent.remove(listed)
        return hashlib.sha256(etree.tostring(root, method="c14n", exclusive=True)).hexdigest()

    def _tree(self) -> etree._Element:
        root = etree.Element("netsuite", {"kind": self.key.kind})
        root.append(_named("record", self.record))
        missing = []
        for name, key in _references(self.record, self.key.kind, self.attachment_field):
            read = self.related.get(key)
            if read is None or read.element is None:
                code = read.status.code if read is not None else ""
                missing.append({"kind": key.kind, "id": key.internal_id, "code": code})
            elif name != "taxCode":
                root.append(_named(name, read.element))
        root.extend(self._lines(self.record.iterfind(_LINES)))
        root.extend(etree.Element("missing", attributes) for attributes in missing)
        return root

    def _lines(self, entries: Iterable[etree._Element]) -> Iterator[etree._Element]:
        """The lines in their order, each with the adjustments that directly follow it."""
        above: etree._Element | None = None
        tax = ""
        for entry in entries:
            kind = self._kind(entry)
            if kind in _ADJUSTMENTS and above is not None and _id_of(entry, "taxCode") == tax:
                above.append(self._line(entry, kind, "adjustment"))
                continue
            line = self._line(entry, kind, "line")
            above, tax = (None, "") if kind in _NOT_ADJUSTED else (line, _id_of(entry, "taxCode"))
            yield line

    def _kind(self, line: etree._Element) -> str:
        if line.findtext("{*}item/{*}name") == _END_OF_GROUP:
            # It shows the sum of the group once more and is no item.
            return "EndGroup"
        item = self.items.get(_id_of(line, "item"))
        return "" if item is None else (item.element.get(_XSI_TYPE) or "").rpartition(":")[2]

    def _line(self, line: etree._Element, kind: str, name: str) -> etree._Element:
        item = self.items.get(_id_of(line, "item"))
        element = etree.Element(name, {"kind": kind})
        element.append(_named("entry", line))
        if item is not None:
            element.append(_named("item", item.element))
        tax = self.related.get(RecordKey("salesTaxItem", _id_of(line, "taxCode")))
        if tax is not None and tax.element is not None:
            element.append(_named("taxCode", tax.element))
        return element


def related(record: etree._Element, kind: str, attachment_field: str) -> list[RecordKey]:
    """The records around a transaction that have to be read, each once, in a fixed order."""
    return list(dict.fromkeys(key for _, key in _references(record, kind, attachment_field)))


def item_ids(records: Sequence[etree._Element]) -> list[str]:
    """The internal ids of all items on the lines, each once, in ascending order."""
    ids = {_id_of(line, "item") for record in records for line in record.iterfind(_LINES)}
    return sorted(ids - {""}, key=lambda number: (len(number), number))


def _references(record: etree._Element, kind: str, attachment_field: str) -> Iterator[tuple[str, RecordKey]]:
    wanted = [
        ("customer", "customer", _id_of(record, "entity")),
        ("subsidiary", "subsidiary", _id_of(record, "subsidiary")),
        ("currency", "currency", _id_of(record, "currency")),
    ]
    if kind == "creditMemo":
        wanted.append(("preceding", "invoice", _id_of(record, "createdFrom")))
    codes = [_id_of(line, "taxCode") for line in record.iterfind(_LINES)]
    codes += [_id_of(record, name) for name in _BODY_TAX_CODES]
    wanted += [("taxCode", "salesTaxItem", code) for code in dict.fromkeys(codes)]
    wanted.append(("file", "file", _custom_id(record, attachment_field)))
    for name, record_kind, internal_id in wanted:
        if internal_id:
            yield name, RecordKey(record_kind, internal_id)


def _id_of(element: etree._Element, name: str) -> str:
    reference = element.find(f"{{*}}{name}")
    return "" if reference is None else reference.get("internalId") or ""


def _custom_id(record: etree._Element, script_id: str) -> str:
    for entry in record.iterfind("{*}customFieldList/{*}customField"):
        if entry.get("scriptId") == script_id:
            return _id_of(entry, "value")
    return ""


def _named(name: str, source: etree._Element) -> etree._Element:
    """A copy of an element under another name, with the prefixes that its attribute values use."""
    prefixes = {prefix: uri for prefix, uri in source.nsmap.items() if prefix is not None}
    copy = etree.Element(name, {str(key): str(value) for key, value in source.attrib.items()}, nsmap=prefixes)
    copy.text = source.text
    copy.extend(deepcopy(child) for child in source)
    return copy
