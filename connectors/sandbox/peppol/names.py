"""Namespaces and fixed values of Peppol AS4 and of SMP answers, as the imitated network writes them."""

from __future__ import annotations

from typing import Final

S12: Final = "http://www.w3.org/2003/05/soap-envelope"
EB: Final = "http://docs.oasis-open.org/ebxml-msg/ebms/v3.0/ns/core/200704/"
EBBP: Final = "http://docs.oasis-open.org/ebxml-bp/ebbp-signals-2.0"
_WSS: Final = "http://docs.oasis-open.org/wss"
WSSE: Final = f"{_WSS}/2004/01/oasis-200401-wss-wssecurity-secext-1.0.xsd"
WSU: Final = f"{_WSS}/2004/01/oasis-200401-wss-wssecurity-utility-1.0.xsd"
WSSE11: Final = f"{_WSS}/oasis-wss-wssecurity-secext-1.1.xsd"
DS: Final = "http://www.w3.org/2000/09/xmldsig#"
EC: Final = "http://www.w3.org/2001/10/xml-exc-c14n#"
XENC: Final = "http://www.w3.org/2001/04/xmlenc#"
XENC11: Final = "http://www.w3.org/2009/xmlenc11#"

C14N: Final = "http://www.w3.org/TR/2001/REC-xml-c14n-20010315"
ENVELOPED: Final = f"{DS}enveloped-signature"
RSA_SHA256: Final = "http://www.w3.org/2001/04/xmldsig-more#rsa-sha256"
RSA_SHA1: Final = f"{DS}rsa-sha1"
SHA256: Final = f"{XENC}sha256"
SHA1: Final = f"{DS}sha1"
AES_GCM: Final = f"{XENC11}aes128-gcm"
AES_CBC: Final = f"{XENC}aes128-cbc"
OAEP: Final = f"{XENC11}rsa-oaep"
OAEP_MGF1P: Final = f"{XENC}rsa-oaep-mgf1p"
RSA_1_5: Final = f"{XENC}rsa-1_5"
MGF_SHA256: Final = f"{XENC11}mgf1sha256"

_SWA: Final = f"{_WSS}/oasis-wss-SwAProfile-1.1#"
ATTACHMENT_SIGNED: Final = f"{_SWA}Attachment-Content-Signature-Transform"
ATTACHMENT_ONLY: Final = f"{_SWA}Attachment-Content-Only"
ATTACHMENT_CIPHERTEXT: Final = f"{_SWA}Attachment-Ciphertext-Transform"
X509V3: Final = f"{_WSS}/2004/01/oasis-200401-wss-x509-token-profile-1.0#X509v3"
X509_SKI: Final = f"{_WSS}/2004/01/oasis-200401-wss-x509-token-profile-1.0#X509SubjectKeyIdentifier"
BASE64: Final = f"{_WSS}/2004/01/oasis-200401-wss-soap-message-security-1.0#Base64Binary"
ENCRYPTED_KEY: Final = f"{_WSS}/oasis-wss-soap-message-security-1.1#EncryptedKey"

_CORE: Final = "http://docs.oasis-open.org/ebxml-msg/ebms/v3.0/ns/core/200704"
INITIATOR: Final = f"{_CORE}/initiator"
RESPONDER: Final = f"{_CORE}/responder"
TEST_SERVICE: Final = f"{_CORE}/service"
TEST_ACTION: Final = f"{_CORE}/test"
AGREEMENT: Final = "urn:fdc:peppol.eu:2017:agreements:tia:ap_provider"
PARTY_TYPE: Final = "urn:fdc:peppol.eu:2017:identifiers:ap"
PARTICIPANT: Final = "iso6523-actorid-upis"
DOCUMENT_TYPE: Final = "busdox-docid-qns"
WILDCARD: Final = "peppol-doctype-wildcard"
PROCESS: Final = "cenbii-procid-ubl"
TRANSPORT: Final = "peppol-transport-as4-v2_0"

SMP: Final = "http://busdox.org/serviceMetadata/publishing/1.0/"
IDS: Final = "http://busdox.org/transport/identifiers/1.0/"
WSA: Final = "http://www.w3.org/2005/08/addressing"

SBDH: Final = "http://www.unece.org/cefact/namespaces/StandardBusinessDocumentHeader"
UBL: Final = "urn:oasis:names:specification:ubl:schema:xsd:"
CAC: Final = f"{UBL}CommonAggregateComponents-2"
CBC: Final = f"{UBL}CommonBasicComponents-2"

_BILLING: Final = "urn:fdc:peppol.eu:2017:poacc:billing:01:1.0"
_EN16931: Final = "urn:cen.eu:en16931:2017"
_BIS3: Final = f"{_EN16931}#compliant#urn:fdc:peppol.eu:2017:poacc:billing:3.0"
_XRECHNUNG: Final = f"{_EN16931}#compliant#urn:xeinkauf.de:kosit:xrechnung_3.0"
_NLCIUS: Final = f"{_EN16931}#compliant#urn:fdc:nen.nl:nlcius:v1.0"
_CII: Final = "urn:un:unece:uncefact:data:standard:CrossIndustryInvoice:100::CrossIndustryInvoice##{0}::D16B"
_INVOICE: Final = UBL + "Invoice-2::Invoice##{0}::2.1"
_CREDIT_NOTE: Final = UBL + "CreditNote-2::CreditNote##{0}::2.1"
_RESPONSE: Final = UBL + "ApplicationResponse-2::ApplicationResponse##{0}::2.1"

INVOICE: Final = _INVOICE.format(_BIS3)
CREDIT_NOTE: Final = _CREDIT_NOTE.format(_BIS3)
BILLING: Final = _BILLING
RESPONSE_CUSTOMIZATION: Final = "urn:fdc:peppol.eu:poacc:trns:invoice_response:3"
INVOICE_RESPONSE: Final = _RESPONSE.format(RESPONSE_CUSTOMIZATION)
INVOICE_RESPONSE_PROCESS: Final = "urn:fdc:peppol.eu:poacc:bis:invoice_response:3"
MLS_CUSTOMIZATION: Final = "urn:peppol:edec:mls:1.0"
MLS: Final = _RESPONSE.format(MLS_CUSTOMIZATION)
MLS_PROCESS: Final = "urn:peppol:edec:mls"
# What a registered buyer or seller receives besides responses: document type and process.
INVOICES: Final = tuple(
    (form.format(customization), process)
    for customization, process, forms in (
        (_BIS3, _BILLING, (_INVOICE, _CREDIT_NOTE, _CII)),
        (_XRECHNUNG, _BILLING, (_INVOICE, _CREDIT_NOTE, _CII)),
        (_NLCIUS, _BILLING, (_INVOICE, _CREDIT_NOTE)),
        (_EN16931, "urn:fdc:peppol.eu:poacc:en16931:any", (_INVOICE, _CREDIT_NOTE, _CII)),
    )
    for form in forms
)
