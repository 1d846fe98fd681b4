"""The words of the readable copy in four languages, and how each writes numbers and dates.

Code lists: UNTDID 1001 (document types), UNTDID 4461 (payment means), UNTDID 5305 (VAT categories) and UN/ECE
Recommendation 20 (units); a code without a word here is shown as the code.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from functools import cache
from typing import Final

from formats import money

__all__ = ["LANGUAGES", "Words"]


@dataclass(frozen=True, slots=True)
class Words:
    """One language. `labels` has the same keys in each; `date_pattern` takes day, month and year."""

    language: str
    decimal_point: str
    thousands: str
    date_pattern: str
    months: tuple[str, ...]
    labels: Mapping[str, str]
    types: Mapping[str, str]
    means: Mapping[str, str]
    categories: Mapping[str, str]
    units: Mapping[str, str]

    def number(self, value: Decimal, *, least: int = 0) -> str:
        """With thousands apart, all decimals it has and at least `least`."""
        whole, _, decimals = money.text(abs(value)).partition(".")
        decimals = (decimals.rstrip("0") if len(decimals) > least else decimals).ljust(least, "0")
        groups: list[str] = []
        while len(whole) > 3:
            whole, group = whole[:-3], whole[-3:]
            groups.insert(0, group)
        text = self.thousands.join((whole, *groups)) + (self.decimal_point + decimals if decimals else "")
        return f"−{text}" if value < 0 else text

    def amount(self, value: Decimal, currency: str | None = None) -> str:
        """With the decimals of the currency, or more where it has more."""
        return self.number(value, least=money.decimals(currency))

    def date(self, value: date) -> str:
        return self.date_pattern.format(value.day, self.months[value.month - 1], value.year)

    def unit(self, code: str) -> str:
        return self.units.get(code, code)

    def country(self, code: str) -> str:
        """The name of a country by its ISO 3166-1 code."""
        return str(_countries(self.language).get(code, code))

    def category(self, code: str) -> str:
        return self.categories.get(code, code)


@cache
def _countries(language: str) -> Mapping[str, str]:
    # Loading the language data takes longer than setting a page.
    from babel import Locale

    return Locale(language).territories


ENGLISH: Final = Words(
    language="en",
    decimal_point=".",
    thousands=",",
    date_pattern="{0} {1} {2}",
    months=(
        "January", "February", "March", "April", "May", "June",
        "July", "August", "September", "October", "November", "December",
    ),
    labels={
        "invoice": "Invoice", "credit_note": "Credit note", "number": "Number", "issue_date": "Date",
        "due_date": "Due date", "tax_point_date": "Tax point", "buyer_reference": "Your reference",
        "order": "Your order", "sales_order": "Our order", "contract": "Contract", "project": "Project",
        "despatch": "Despatch advice", "receipt": "Receiving advice", "tender": "Tender",
        "object": "Object", "accounting": "Accounting reference", "preceding": "Refers to",
        "period": "Period", "delivered": "Delivered", "delivery": "Delivered to", "buyer": "Invoice to",
        "seller": "From", "payee": "Payee", "representative": "Tax representative", "vat_id": "VAT ID",
        "tax_number": "Tax number", "registration": "Reg. no.", "electronic_address": "E-invoice address",
        "position": "No.", "description": "Description", "quantity": "Quantity", "price": "Price",
        "rate": "VAT", "amount": "Amount", "per": "per", "allowance": "Discount", "charge": "Surcharge",
        "gross_price": "List price", "item": "Item", "your_item": "Your item", "origin": "Origin",
        "order_line": "Order line", "lines_total": "Sum of lines", "allowances_total": "Discounts",
        "charges_total": "Surcharges", "without_vat": "Total without VAT", "vat": "VAT",
        "with_vat": "Total with VAT", "paid": "Already paid", "rounding": "Rounding",
        "withheld_tax": "Tax withheld by the buyer",
        "split_payment": "VAT that the buyer pays to the state", "retention": "Retained by the buyer",
        "due": "Amount due", "credited": "Amount credited", "vat_breakdown": "VAT breakdown",
        "taxable": "Taxable", "tax": "VAT", "category": "Category", "vat_in": "VAT in",
        "payment": "Payment", "means": "By", "account": "Account", "account_name": "Account name",
        "bank": "BIC", "remittance": "Reference", "card": "Card", "holder": "Holder",
        "mandate": "Mandate", "creditor": "Creditor ID", "debited": "Debited account", "terms": "Terms",
        "notes": "Notes", "attachments": "Attachments", "page": "Page", "of": "of",
        "carried_forward": "Carried forward", "carry_over": "Carry-over",
        "scan": "Scan to pay with your banking app", "identifier": "ID", "classification": "Class",
        "tax_point_code": "VAT due", "on_issue": "on the invoice date", "on_delivery": "on delivery",
        "on_payment": "on payment", "base": "of", "location": "Place",
        "notice_attached": "The XML attached to this PDF is the same invoice for machines: ",
        "notice": "This page is a readable copy; the XML is the invoice.",
    },
    types={
        "384": "Corrected invoice", "386": "Prepayment invoice", "389": "Self-billed invoice",
        "261": "Self-billed credit note", "326": "Partial invoice",
    },
    means={
        "10": "Cash", "20": "Cheque", "30": "Credit transfer", "42": "Bank transfer", "48": "Card",
        "49": "Direct debit", "54": "Credit card", "55": "Debit card", "57": "Standing agreement",
        "58": "SEPA credit transfer", "59": "SEPA direct debit", "97": "Settled between the parties",
    },
    categories={
        "S": "Standard", "Z": "Zero rate", "E": "Exempt", "AE": "Reverse charge",
        "K": "Intra-Community supply", "G": "Export", "O": "Outside the scope of VAT",
        "L": "IGIC", "M": "IPSI", "B": "Split payment",
    },
    units={
        "C62": "pcs", "H87": "pcs", "EA": "pcs", "HUR": "h", "DAY": "days", "MON": "months", "ANN": "years",
        "MIN": "min", "KGM": "kg", "GRM": "g", "TNE": "t", "LTR": "l", "MTR": "m", "MTK": "m²",
        "MTQ": "m³", "KMT": "km", "CMT": "cm", "MMT": "mm", "KWH": "kWh", "SET": "sets", "PR": "pairs",
        "XPP": "pieces", "XBX": "boxes", "XCT": "cartons", "XPX": "pallets", "LS": "lump sum", "P1": "%",
    },
)  # fmt: skip

DUTCH: Final = Words(
    language="nl",
    decimal_point=",",
    thousands=".",
    date_pattern="{0} {1} {2}",
    months=(
        "januari", "februari", "maart", "april", "mei", "juni",
        "juli", "augustus", "september", "oktober", "november", "december",
    ),
    labels={
        "invoice": "Factuur", "credit_note": "Creditnota", "number": "Nummer", "issue_date": "Datum",
        "due_date": "Vervaldatum", "tax_point_date": "Belastbaar feit", "buyer_reference": "Uw kenmerk",
        "order": "Uw bestelling", "sales_order": "Onze order", "contract": "Contract", "project": "Project",
        "despatch": "Pakbon", "receipt": "Ontvangstbewijs", "tender": "Aanbesteding",
        "object": "Object", "accounting": "Boekingskenmerk", "preceding": "Betreft",
        "period": "Periode", "delivered": "Geleverd", "delivery": "Geleverd aan", "buyer": "Factuur aan",
        "seller": "Van", "payee": "Begunstigde", "representative": "Fiscaal vertegenwoordiger",
        "vat_id": "Btw-id", "tax_number": "Belastingnummer", "registration": "Reg.nr.",
        "electronic_address": "E-factuuradres",
        "position": "Nr.", "description": "Omschrijving", "quantity": "Aantal", "price": "Prijs",
        "rate": "Btw", "amount": "Bedrag", "per": "per", "allowance": "Korting", "charge": "Toeslag",
        "gross_price": "Brutoprijs", "item": "Artikel", "your_item": "Uw artikel", "origin": "Herkomst",
        "order_line": "Orderregel", "lines_total": "Som van de regels", "allowances_total": "Kortingen",
        "charges_total": "Toeslagen", "without_vat": "Totaal exclusief btw", "vat": "Btw",
        "with_vat": "Totaal inclusief btw", "paid": "Reeds betaald", "rounding": "Afronding",
        "withheld_tax": "Door de afnemer ingehouden belasting",
        "split_payment": "Btw die de afnemer aan de staat betaalt", "retention": "Door de afnemer ingehouden",
        "due": "Te betalen", "credited": "Gecrediteerd", "vat_breakdown": "Btw-specificatie",
        "taxable": "Grondslag", "tax": "Btw", "category": "Soort", "vat_in": "Btw in",
        "payment": "Betaling", "means": "Wijze", "account": "Rekening", "account_name": "Ten name van",
        "bank": "BIC", "remittance": "Kenmerk", "card": "Kaart", "holder": "Kaarthouder",
        "mandate": "Machtiging", "creditor": "Incassant-ID", "debited": "Te belasten rekening",
        "terms": "Voorwaarden", "notes": "Opmerkingen", "attachments": "Bijlagen", "page": "Pagina",
        "of": "van",
        "carried_forward": "Transport", "carry_over": "Transporteren",
        "scan": "Scan met uw bankapp om te betalen", "identifier": "ID", "classification": "Klasse",
        "tax_point_code": "Btw verschuldigd", "on_issue": "op de factuurdatum",
        "on_delivery": "bij levering", "on_payment": "bij betaling", "base": "van", "location": "Plaats",
        "notice_attached": "De bijgevoegde XML is dezelfde factuur voor machines: ",
        "notice": "Deze pagina is een leesbare kopie; de XML is de factuur.",
    },
    types={
        "384": "Gecorrigeerde factuur", "386": "Vooruitbetalingsfactuur", "389": "Selfbillingfactuur",
        "261": "Selfbillingcreditnota", "326": "Deelfactuur",
    },
    means={
        "10": "Contant", "20": "Cheque", "30": "Overboeking", "42": "Bankoverschrijving", "48": "Kaart",
        "49": "Automatische incasso", "54": "Creditcard", "55": "Debetkaart", "57": "Doorlopende afspraak",
        "58": "SEPA-overboeking", "59": "SEPA-incasso", "97": "Onderlinge verrekening",
    },
    categories={
        "S": "Standaard", "Z": "Nultarief", "E": "Vrijgesteld", "AE": "Btw verlegd",
        "K": "Intracommunautaire levering", "G": "Uitvoer", "O": "Buiten de btw",
        "L": "IGIC", "M": "IPSI", "B": "Gesplitste betaling",
    },
    units={
        "C62": "st.", "H87": "st.", "EA": "st.", "HUR": "uur", "DAY": "dagen", "MON": "maanden",
        "ANN": "jaar", "MIN": "min", "KGM": "kg", "GRM": "g", "TNE": "t", "LTR": "l", "MTR": "m",
        "MTK": "m²", "MTQ": "m³", "KMT": "km", "CMT": "cm", "MMT": "mm", "KWH": "kWh", "SET": "sets",
        "PR": "paar", "XPP": "stuks", "XBX": "dozen", "XCT": "kartons", "XPX": "pallets", "LS": "forfait",
        "P1": "%",
    },
)  # fmt: skip

GERMAN: Final = Words(
    language="de",
    decimal_point=",",
    thousands=".",
    date_pattern="{0}. {1} {2}",
    months=(
        "Januar", "Februar", "März", "April", "Mai", "Juni",
        "Juli", "August", "September", "Oktober", "November", "Dezember",
    ),
    labels={
        "invoice": "Rechnung", "credit_note": "Gutschrift", "number": "Nummer", "issue_date": "Datum",
        "due_date": "Fällig am", "tax_point_date": "Steuerzeitpunkt", "buyer_reference": "Ihre Referenz",
        "order": "Ihre Bestellung", "sales_order": "Unser Auftrag", "contract": "Vertrag",
        "project": "Projekt", "despatch": "Lieferschein", "receipt": "Wareneingang",
        "tender": "Ausschreibung", "object": "Objekt", "accounting": "Kontierung", "preceding": "Bezug",
        "period": "Zeitraum", "delivered": "Geliefert am", "delivery": "Geliefert an",
        "buyer": "Rechnung an", "seller": "Von", "payee": "Zahlungsempfänger",
        "representative": "Steuervertreter", "vat_id": "USt-IdNr.", "tax_number": "Steuernummer",
        "registration": "Reg.-Nr.", "electronic_address": "E-Rechnungsadresse",
        "position": "Nr.", "description": "Bezeichnung", "quantity": "Menge", "price": "Preis",
        "rate": "USt", "amount": "Betrag", "per": "je", "allowance": "Nachlass", "charge": "Zuschlag",
        "gross_price": "Listenpreis", "item": "Artikel", "your_item": "Ihr Artikel", "origin": "Ursprung",
        "order_line": "Bestellposition", "lines_total": "Summe der Positionen",
        "allowances_total": "Nachlässe", "charges_total": "Zuschläge", "without_vat": "Summe ohne USt",
        "vat": "USt", "with_vat": "Summe mit USt", "paid": "Bereits gezahlt", "rounding": "Rundung",
        "withheld_tax": "Vom Käufer einbehaltene Steuer",
        "split_payment": "USt, die der Käufer an den Staat abführt", "retention": "Sicherheitseinbehalt",
        "due": "Zahlbetrag", "credited": "Gutgeschrieben", "vat_breakdown": "Umsatzsteuer",
        "taxable": "Grundlage", "tax": "USt", "category": "Art", "vat_in": "USt in",
        "payment": "Zahlung", "means": "Zahlungsart", "account": "Konto", "account_name": "Kontoinhaber",
        "bank": "BIC", "remittance": "Verwendungszweck", "card": "Karte", "holder": "Karteninhaber",
        "mandate": "Mandat", "creditor": "Gläubiger-ID", "debited": "Belastetes Konto",
        "terms": "Bedingungen", "notes": "Bemerkungen", "attachments": "Anlagen", "page": "Seite",
        "of": "von",
        "carried_forward": "Übertrag", "carry_over": "Zwischensumme",
        "scan": "Zum Bezahlen mit der Banking-App scannen", "identifier": "ID", "classification": "Klasse",
        "tax_point_code": "Steuer entsteht", "on_issue": "mit der Rechnung",
        "on_delivery": "mit der Lieferung", "on_payment": "mit der Zahlung", "base": "von",
        "location": "Ort",
        "notice_attached": "Die beigefügte XML-Datei ist dieselbe Rechnung für Maschinen: ",
        "notice": "Diese Seite ist eine lesbare Kopie; die Rechnung ist die XML-Datei.",
    },
    types={
        "381": "Rechnungskorrektur", "384": "Korrigierte Rechnung", "386": "Anzahlungsrechnung",
        "389": "Gutschrift (Selbstfakturierung)", "261": "Korrektur einer Selbstfakturierung",
        "326": "Teilrechnung",
    },
    means={
        "10": "Bar", "20": "Scheck", "30": "Überweisung", "42": "Banküberweisung", "48": "Karte",
        "49": "Lastschrift", "54": "Kreditkarte", "55": "Debitkarte", "57": "Dauervereinbarung",
        "58": "SEPA-Überweisung", "59": "SEPA-Lastschrift", "97": "Verrechnung",
    },
    categories={
        "S": "Regelsteuersatz", "Z": "Nullsatz", "E": "Steuerbefreit",
        "AE": "Steuerschuld des Leistungsempfängers", "K": "Innergemeinschaftliche Lieferung", "G": "Ausfuhr",
        "O": "Nicht steuerbar", "L": "IGIC", "M": "IPSI", "B": "Geteilte Zahlung",
    },
    units={
        "C62": "Stk.", "H87": "Stk.", "EA": "Stk.", "HUR": "Std.", "DAY": "Tage", "MON": "Monate",
        "ANN": "Jahre", "MIN": "Min.", "KGM": "kg", "GRM": "g", "TNE": "t", "LTR": "l", "MTR": "m",
        "MTK": "m²", "MTQ": "m³", "KMT": "km", "CMT": "cm", "MMT": "mm", "KWH": "kWh", "SET": "Sätze",
        "PR": "Paar", "XPP": "Stk.", "XBX": "Schachteln", "XCT": "Kartons", "XPX": "Paletten",
        "LS": "pauschal", "P1": "%",
    },
)  # fmt: skip

FRENCH: Final = Words(
    language="fr",
    decimal_point=",",
    thousands="\u00a0",
    date_pattern="{0} {1} {2}",
    months=(
        "janvier", "février", "mars", "avril", "mai", "juin",
        "juillet", "août", "septembre", "octobre", "novembre", "décembre",
    ),
    labels={
        "invoice": "Facture", "credit_note": "Avoir", "number": "Numéro", "issue_date": "Date",
        "due_date": "Échéance", "tax_point_date": "Exigibilité", "buyer_reference": "Votre référence",
        "order": "Votre commande", "sales_order": "Notre commande", "contract": "Contrat",
        "project": "Projet", "despatch": "Bon de livraison", "receipt": "Avis de réception",
        "tender": "Marché", "object": "Objet", "accounting": "Référence comptable", "preceding": "Concerne",
        "period": "Période", "delivered": "Livré le", "delivery": "Livré à", "buyer": "Facturé à",
        "seller": "De", "payee": "Bénéficiaire", "representative": "Représentant fiscal",
        "vat_id": "N° TVA", "tax_number": "N° fiscal", "registration": "N° d’immatriculation",
        "electronic_address": "Adresse de facturation",
        "position": "N°", "description": "Désignation", "quantity": "Quantité", "price": "Prix",
        "rate": "TVA", "amount": "Montant", "per": "par", "allowance": "Remise", "charge": "Frais",
        "gross_price": "Prix brut", "item": "Article", "your_item": "Votre article", "origin": "Origine",
        "order_line": "Ligne de commande", "lines_total": "Total des lignes", "allowances_total": "Remises",
        "charges_total": "Frais", "without_vat": "Total hors TVA", "vat": "TVA",
        "with_vat": "Total TTC", "paid": "Déjà payé", "rounding": "Arrondi",
        "withheld_tax": "Impôt retenu par l’acheteur",
        "split_payment": "TVA versée à l’État par l’acheteur", "retention": "Retenue de garantie",
        "due": "Net à payer", "credited": "Montant crédité", "vat_breakdown": "Détail de la TVA",
        "taxable": "Base", "tax": "TVA", "category": "Régime", "vat_in": "TVA en",
        "payment": "Paiement", "means": "Mode", "account": "Compte", "account_name": "Titulaire",
        "bank": "BIC", "remittance": "Référence", "card": "Carte", "holder": "Porteur",
        "mandate": "Mandat", "creditor": "Créancier (ICS)", "debited": "Compte débité",
        "terms": "Conditions", "notes": "Remarques", "attachments": "Pièces jointes", "page": "Page",
        "of": "sur",
        "carried_forward": "Report", "carry_over": "À reporter",
        "scan": "À scanner avec votre application bancaire", "identifier": "ID",
        "classification": "Classe", "tax_point_code": "TVA exigible", "on_issue": "à la facturation",
        "on_delivery": "à la livraison", "on_payment": "à l’encaissement", "base": "de",
        "location": "Lieu",
        "notice_attached": "Le fichier XML joint à ce PDF est la même facture pour les machines : ",
        "notice": "Cette page est une copie lisible ; la facture est le fichier XML.",
    },
    types={
        "384": "Facture rectificative", "386": "Facture d’acompte", "389": "Facture en autofacturation",
        "261": "Avoir en autofacturation", "326": "Facture partielle",
    },
    means={
        "10": "Espèces", "20": "Chèque", "30": "Virement", "42": "Virement bancaire", "48": "Carte",
        "49": "Prélèvement", "54": "Carte de crédit", "55": "Carte de débit", "57": "Accord permanent",
        "58": "Virement SEPA", "59": "Prélèvement SEPA", "97": "Compensation",
    },
    categories={
        "S": "Taux normal", "Z": "Taux zéro", "E": "Exonéré", "AE": "Autoliquidation",
        "K": "Livraison intracommunautaire", "G": "Exportation", "O": "Hors champ de la TVA",
        "L": "IGIC", "M": "IPSI", "B": "Paiement scindé",
    },
    units={
        "C62": "p.", "H87": "p.", "EA": "p.", "HUR": "h", "DAY": "jours", "MON": "mois", "ANN": "ans",
        "MIN": "min", "KGM": "kg", "GRM": "g", "TNE": "t", "LTR": "l", "MTR": "m", "MTK": "m²",
        "MTQ": "m³", "KMT": "km", "CMT": "cm", "MMT": "mm", "KWH": "kWh", "SET": "lots", "PR": "paires",
        "XPP": "pièces", "XBX": "boîtes", "XCT": "cartons", "XPX": "palettes", "LS": "forfait", "P1": "%",
    },
)  # fmt: skip

LANGUAGES: Final[Mapping[str, Words]] = {words.language: words for words in (ENGLISH, DUTCH, GERMAN, FRENCH)}
