"""Invented documents to sign, with everything that has broken signatures before."""

from __future__ import annotations

__all__ = ["AWKWARD", "INVOICE", "UBL"]

INVOICE = (
    b'<?xml version="1.0" encoding="UTF-8"?>\n'
    b'<p:FatturaElettronica xmlns:p="http://ivaservizi.agenziaentrate.gov.it/docs/xsd/fatture/v1.2" '
    b'versione="FPA12"><Header><Nome>Citt\xc3\xa0 &amp; Figli</Nome></Header>\n'
    b"<Body><Importo>121.00</Importo></Body></p:FatturaElettronica>\n"
)
# A style sheet and comments around the root, an inherited language, unused namespaces, carriage returns.
AWKWARD = (
    b'<?xml version="1.0" encoding="ISO-8859-1"?><?xml-stylesheet type="text/xsl" href="style.xsl"?>'
    b'<!-- before --><a:doc xmlns:a="urn:example:a" xmlns:unused="urn:example:u" '
    b'xml:lang="it" Id="whole">\r\n'
    b'<line xmlns="urn:example:d" b="2" a="1">caff\xe8 &#13;&lt;</line><!-- inside --><empty/>\r\n'
    b"</a:doc><!-- behind --><?end here?>"
)
UBL = (
    b'<Invoice xmlns="urn:oasis:names:specification:ubl:schema:xsd:Invoice-2" '
    b'xmlns:cbc="urn:oasis:names:specification:ubl:schema:xsd:CommonBasicComponents-2">'
    b"<cbc:ID>RE-1</cbc:ID></Invoice>"
)
