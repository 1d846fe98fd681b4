"""Small invented rule files in the shape of the published ones, for tests of packs and engines."""

from __future__ import annotations

import zipfile
from pathlib import Path

__all__ = ["schematron", "style_sheet", "zip_of"]

_UBL = "urn:oasis:names:specification:ubl:schema:xsd:"
_XSL = "http://www.w3.org/1999/XSL/Transform"
_SVRL = "http://purl.oclc.org/dsdl/svrl"


def schematron(*, version: str = "9.0.0", test: str = "cbc:ID", rules: str = "", more: str = "") -> str:
    """An EN 16931 look-alike for UBL with one rule, UBL-CR-900, and whatever `rules` adds to it."""
    return f"""<?xml version="1.0" encoding="UTF-8"?>
<!--Schematron version {version} - Last update: 2026-10-01-->
<schema xmlns="http://purl.oclc.org/dsdl/schematron" queryBinding="xslt2">
  <title>EN16931  model bound to UBL</title>
  <ns prefix="cbc" uri="{_UBL}CommonBasicComponents-2"/>
  <ns prefix="cac" uri="{_UBL}CommonAggregateComponents-2"/>
  <ns prefix="ubl" uri="{_UBL}Invoice-2"/>
  {more}
  <pattern>
    <rule context="/ubl:Invoice">
      <assert id="UBL-CR-900" flag="fatal" test="{test}">[UBL-CR-900]-There shall be a number (BT-1).</assert>
      {rules}
    </rule>
  </pattern>
</schema>
"""


def style_sheet(*, version: str = "9.0.0", test: str = "cbc:ID") -> str:
    """The same rule as the ISO skeleton compiles it, so that both engines can run it."""
    return f"""<?xml version="1.0" encoding="UTF-8"?>
<!--Schematron version {version} - Last update: 2026-10-01-->
<xsl:stylesheet version="2.0" xmlns:xsl="{_XSL}" xmlns:svrl="{_SVRL}"
  xmlns:iso="http://purl.oclc.org/dsdl/schematron" xmlns:xs="http://www.w3.org/2001/XMLSchema"
  xmlns:cbc="{_UBL}CommonBasicComponents-2" xmlns:ubl="{_UBL}Invoice-2">
  <xsl:template match="/">
    <svrl:schematron-output title="EN16931  model bound to UBL" schemaVersion="">
      <svrl:active-pattern><xsl:apply-templates/></svrl:active-pattern>
      <xsl:apply-templates select="/" mode="M1"/>
    </svrl:schematron-output>
  </xsl:template>
  <xsl:template match="/ubl:Invoice" priority="1000" mode="M1">
    <svrl:fired-rule context="/ubl:Invoice"/>
    <xsl:choose>
      <xsl:when test="{test}"/>
      <xsl:otherwise>
        <svrl:failed-assert test="{test}">
          <xsl:attribute name="id">UBL-CR-900</xsl:attribute>
          <xsl:attribute name="flag">fatal</xsl:attribute>
          <xsl:attribute name="location">/Invoice</xsl:attribute>
          <svrl:text>[UBL-CR-900]-There shall be a number (BT-1).</svrl:text>
        </svrl:failed-assert>
      </xsl:otherwise>
    </xsl:choose>
    <xsl:apply-templates select="*" mode="M1"/>
  </xsl:template>
  <xsl:template match="text()" priority="-1" mode="M1"/>
  <xsl:template match="text()" priority="-1"/>
  <xsl:template match="@*|node()" priority="-2" mode="M1">
    <xsl:apply-templates select="*" mode="M1"/>
  </xsl:template>
</xsl:stylesheet>
"""


def zip_of(file: Path, members: dict[str, str]) -> Path:
    """A ZIP with these members."""
    with zipfile.ZipFile(file, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in members.items():
            archive.writestr(name, content)
    return file
