"""Names and fixed values of the one profile that is spoken: Peppol AS4 2.0.3 on eDelivery AS4 1.14.

Sources: Peppol AS4 profile 2.0.3; OASIS ebMS 3.0 core and AS4 1.0; WS-Security 1.1.1 with its SOAP with
Attachments profile; W3C XML Signature and XML Encryption 1.1.
"""

from __future__ import annotations

from typing import Final

_OASIS: Final = "http://docs.oasis-open.org/"
_WSS: Final = _OASIS + "wss/2004/01/oasis-200401-wss-"

# Namespaces
S12: Final = "http://www.w3.org/2003/05/soap-envelope"
EB: Final = _OASIS + "ebxml-msg/ebms/v3.0/ns/core/200704/"
EBBP: Final = _OASIS + "ebxml-bp/ebbp-signals-2.0"
WSSE: Final = _WSS + "wssecurity-secext-1.0.xsd"
WSU: Final = _WSS + "wssecurity-utility-1.0.xsd"
WSSE11: Final = _OASIS + "wss/oasis-wss-wssecurity-secext-1.1.xsd"
DS: Final = "http://www.w3.org/2000/09/xmldsig#"
EC: Final = "http://www.w3.org/2001/10/xml-exc-c14n#"
XENC: Final = "http://www.w3.org/2001/04/xmlenc#"
XENC11: Final = "http://www.w3.org/2009/xmlenc11#"
XML: Final = "http://www.w3.org/XML/1998/namespace"

# Algorithms
RSA_SHA256: Final = "http://www.w3.org/2001/04/xmldsig-more#rsa-sha256"
SHA256: Final = "http://www.w3.org/2001/04/xmlenc#sha256"
SHA1: Final = "http://www.w3.org/2000/09/xmldsig#sha1"
EXCLUSIVE_C14N: Final = EC
AES128_GCM: Final = "http://www.w3.org/2009/xmlenc11#aes128-gcm"
RSA_OAEP: Final = "http://www.w3.org/2009/xmlenc11#rsa-oaep"
RSA_OAEP_MGF1P: Final = "http://www.w3.org/2001/04/xmlenc#rsa-oaep-mgf1p"
MGF1_SHA256: Final = "http://www.w3.org/2009/xmlenc11#mgf1sha256"
_SWA: Final = _OASIS + "wss/oasis-wss-SwAProfile-1.1#"
ATTACHMENT_SIGNATURE: Final = _SWA + "Attachment-Content-Signature-Transform"
ATTACHMENT_CIPHERTEXT: Final = _SWA + "Attachment-Ciphertext-Transform"
ATTACHMENT_ONLY: Final = _SWA + "Attachment-Content-Only"

# Tokens
X509_TOKEN: Final = _WSS + "x509-token-profile-1.0#X509v3"
BASE64_BINARY: Final = _WSS + "soap-message-security-1.0#Base64Binary"
ENCRYPTED_KEY_TOKEN: Final = _OASIS + "wss/oasis-wss-soap-message-security-1.1#EncryptedKey"

# Values of the one processing mode
_EBCORE: Final = _OASIS + "ebxml-msg/ebms/v3.0/ns/core/200704"
AGREEMENT: Final = "urn:fdc:peppol.eu:2017:agreements:tia:ap_provider"
PARTY_TYPE: Final = "urn:fdc:peppol.eu:2017:identifiers:ap"
INITIATOR: Final = _EBCORE + "/initiator"
RESPONDER: Final = _EBCORE + "/responder"
DEFAULT_MPC: Final = _EBCORE + "/defaultMPC"
TEST_SERVICE: Final = _EBCORE + "/service"
TEST_ACTION: Final = _EBCORE + "/test"
PARTICIPANT_SCHEME: Final = "iso6523-actorid-upis"
GZIP: Final = "application/gzip"
SOAP_TYPE: Final = "application/soap+xml"
NOT_SERVICED: Final = "PEPPOL:NOT_SERVICED"
