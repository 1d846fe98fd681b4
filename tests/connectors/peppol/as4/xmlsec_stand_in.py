"""What peppol-py asks of the program xmlsec1, made of its library: seal standard input for a certificate.

Called with --encrypt, --pubkey-cert-pem and its file, and the file of a template as the last argument.
"""

from __future__ import annotations

import sys
from pathlib import Path

import xmlsec
from lxml import etree


def main() -> None:
    arguments = sys.argv[1:]
    certificate = arguments[arguments.index("--pubkey-cert-pem") + 1]
    manager = xmlsec.KeysManager()
    key = xmlsec.Key.from_file(certificate, xmlsec.constants.KeyDataFormatCertPem)
    key.name = "receiver"
    manager.add_key(key)
    template = etree.fromstring(Path(arguments[-1]).read_bytes())
    for name in template.iter("{http://www.w3.org/2000/09/xmldsig#}KeyName"):
        name.text = "receiver"
    context = xmlsec.EncryptionContext(manager)
    context.key = xmlsec.Key.generate(xmlsec.constants.KeyDataAes, 128, xmlsec.constants.KeyDataTypeSession)
    sealed = context.encrypt_binary(template, sys.stdin.buffer.read())
    sys.stdout.buffer.write(etree.tostring(sealed))


if __name__ == "__main__":
    main()
