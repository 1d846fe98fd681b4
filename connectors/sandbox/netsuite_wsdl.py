"""A small service description in the shape of NetSuite's SuiteTalk SOAP service, version 2025_2.

Self-written: it has the real namespaces, operation names, header blocks and the few types that a client needs
in order to ask, and none of the hundreds of others. As with the real one, its `soap:address` names a generic
host that no client should call.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

__all__ = ["NAMESPACES", "VERSION", "WSDL_PATH", "documents", "namespace"]

VERSION: Final = "2025_2"
WSDL_PATH: Final = f"/wsdl/v{VERSION}_0/netsuite.wsdl"
_GENERIC_PORT: Final = f"https://webservices.netsuite.example/services/NetSuitePort_{VERSION}"


def namespace(area: str) -> str:
    """The namespace of an area: "core.platform" is urn:core_2025_2.platform.webservices.netsuite.com."""
    name, _, family = area.partition(".")
    return f"urn:{name}_{VERSION}.{family}.webservices.netsuite.com"


NAMESPACES: Final[Mapping[str, str]] = {
    "platformMsgs": namespace("messages.platform"),
    "platformCore": namespace("core.platform"),
    "platformCommon": namespace("common.platform"),
    "platformFaults": namespace("faults.platform"),
    "tranSales": namespace("sales.transactions"),
    "tranCust": namespace("customers.transactions"),
    "listAcct": namespace("accounting.lists"),
    "listRel": namespace("relationships.lists"),
    "docFileCab": namespace("filecabinet.documents"),
    "setupCustom": namespace("customization.setup"),
}

_OPERATIONS: Final = ("search", "searchMoreWithId", "get", "getList", "add", "update", "getServerTime")
_HEADERS: Final = {
    "search": ("tokenPassport", "searchPreferences", "preferences"),
    "searchMoreWithId": ("tokenPassport", "searchPreferences", "preferences"),
    "update": ("tokenPassport", "preferences"),
    "add": ("tokenPassport", "preferences"),
}


def documents(origin: str) -> dict[str, bytes]:
    """The WSDL and its schemas by path, with `origin` (http://127.0.0.1:47030) in the import addresses."""
    texts = {_schema_path(area): _schema(area, body, origin) for area, body in _SCHEMAS.items()}
    texts[WSDL_PATH] = _wsdl(origin)
    return {path: text.encode() for path, text in texts.items()}


def _schema_path(area: str) -> str:
    name, _, family = area.partition(".")
    return f"/xsd/{family}/v{VERSION}_0/{name}.xsd"


def _prefixes() -> str:
    return "\n ".join(f'xmlns:{prefix}="{uri}"' for prefix, uri in NAMESPACES.items())


def _schema(area: str, body: str, origin: str) -> str:
    imports = "\n".join(
        f' <xsd:import namespace="{namespace(other)}" schemaLocation="{origin}{_schema_path(other)}"/>'
        for other in _IMPORTS[area]
    )
    return (
        f'<?xml version="1.0" encoding="UTF-8"?>\n<xsd:schema xmlns:xsd="http://www.w3.org/2001/XMLSchema"\n'
        f' {_prefixes()}\n targetNamespace="{namespace(area)}" elementFormDefault="qualified">\n'
        f"{imports}\n{body}</xsd:schema>\n"
    )


def _wsdl(origin: str) -> str:
    parts = ["".join(_message(name, name) for name in ("tokenPassport", "searchPreferences", "preferences"))]
    parts += [_message(f"{op}Request", op) + _message(f"{op}Response", f"{op}Response") for op in _OPERATIONS]
    ports = "".join(
        f'  <operation name="{op}"><input message="tns:{op}Request"/><output message="tns:{op}Response"/>'
        "</operation>\n"
        for op in _OPERATIONS
    )
    bindings = "".join(_binding(op) for op in _OPERATIONS)
    area = "messages.platform"
    return (
        '<?xml version="1.0" encoding="UTF-8"?>\n<definitions xmlns="http://schemas.xmlsoap.org/wsdl/"\n'
        ' xmlns:soap="http://schemas.xmlsoap.org/wsdl/soap/" xmlns:xsd="http://www.w3.org/2001/XMLSchema"\n'
        f' {_prefixes()}\n xmlns:tns="urn:platform_{VERSION}.webservices.netsuite.com"\n'
        f' targetNamespace="urn:platform_{VERSION}.webservices.netsuite.com">\n'
        f' <types><xsd:schema><xsd:import namespace="{namespace(area)}"'
        f' schemaLocation="{origin}{_schema_path(area)}"/>{_extra_imports(origin)}</xsd:schema></types>\n'
        f'{"".join(parts)} <portType name="NetSuitePortType">\n{ports} </portType>\n'
        ' <binding name="NetSuiteBinding" type="tns:NetSuitePortType">\n'
        '  <soap:binding style="document" transport="http://schemas.xmlsoap.org/soap/http"/>\n'
        f"{bindings} </binding>\n"
        ' <service name="NetSuiteService"><port name="NetSuitePort" binding="tns:NetSuiteBinding">'
        f'<soap:address location="{_GENERIC_PORT}"/></port></service>\n</definitions>\n'
    )


def _extra_imports(origin: str) -> str:
    return "".join(
        f'<xsd:import namespace="{namespace(area)}" schemaLocation="{origin}{_schema_path(area)}"/>'
        for area in _SCHEMAS
        if area != "messages.platform"
    )


def _message(name: str, element: str) -> str:
    part = element if name == element else "parameters"
    return f' <message name="{name}"><part name="{part}" element="platformMsgs:{element}"/></message>\n'


def _binding(op: str) -> str:
    headers = "".join(
        f'<soap:header message="tns:{name}" part="{name}" use="literal"/>'
        for name in _HEADERS.get(op, ("tokenPassport", "preferences"))
    )
    return (
        f'  <operation name="{op}"><soap:operation soapAction="{op}"/>'
        f'<input><soap:body use="literal"/>{headers}</input>'
        '<output><soap:body use="literal"/></output></operation>\n'
    )


def _type(name: str, elements: str, *, base: str = "", abstract: bool = False, attributes: str = "") -> str:
    """A complex type. `elements` is a list such as "tranId:xsd:string total:xsd:double*" (* repeated)."""
    rows = []
    for entry in elements.split():
        element, _, kind = entry.rstrip("*").partition(":")
        most = ' maxOccurs="unbounded"' if entry.endswith("*") else ""
        rows.append(f'    <xsd:element name="{element}" type="{kind}" minOccurs="0"{most}/>\n')
    inner = f"   <xsd:sequence>\n{''.join(rows)}   </xsd:sequence>\n" + "".join(
        f'   <xsd:attribute name="{attribute}" type="xsd:string"/>\n' for attribute in attributes.split()
    )
    if base:
        inner = (
            f'  <xsd:complexContent><xsd:extension base="{base}">\n{inner}'
            "  </xsd:extension></xsd:complexContent>\n"
        )
    start = (
        f' <xsd:complexType name="{name}"{" abstract=" + chr(34) + "true" + chr(34) if abstract else ""}>\n'
    )
    return f"{start}{inner} </xsd:complexType>\n"


def _element(name: str, kind: str) -> str:
    return f' <xsd:element name="{name}" type="{kind}"/>\n'


_CORE: Final = "".join(
    (
        _type("Record", "nullFieldList:platformCore:NullField", abstract=True),
        _type("NullField", "name:xsd:string*"),
        _type("BaseRef", "name:xsd:string", abstract=True),
        _type("RecordRef", "", base="platformCore:BaseRef", attributes="internalId externalId type"),
        _type("CustomRecordRef", "", base="platformCore:BaseRef", attributes="internalId externalId typeId"),
        _type("ListOrRecordRef", "name:xsd:string", attributes="internalId externalId typeId"),
        _type("CustomFieldList", "customField:platformCore:CustomFieldRef*"),
        _type("CustomFieldRef", "", abstract=True, attributes="internalId scriptId"),
        _type("StringCustomFieldRef", "value:xsd:string", base="platformCore:CustomFieldRef"),
        _type("DateCustomFieldRef", "value:xsd:dateTime", base="platformCore:CustomFieldRef"),
        _type("LongCustomFieldRef", "value:xsd:long", base="platformCore:CustomFieldRef"),
        _type("DoubleCustomFieldRef", "value:xsd:double", base="platformCore:CustomFieldRef"),
        _type("BooleanCustomFieldRef", "value:xsd:boolean", base="platformCore:CustomFieldRef"),
        _type(
            "SelectCustomFieldRef", "value:platformCore:ListOrRecordRef", base="platformCore:CustomFieldRef"
        ),
        _type("SearchRecord", "", abstract=True),
        _type("SearchRecordBasic", "", base="platformCore:SearchRecord", abstract=True),
        _type("SearchBooleanField", "searchValue:xsd:boolean"),
        _type(
            "SearchDateField",
            "predefinedSearchValue:xsd:string searchValue:xsd:dateTime searchValue2:xsd:dateTime",
            attributes="operator",
        ),
        _type("SearchEnumMultiSelectField", "searchValue:xsd:string*", attributes="operator"),
        _type("SearchMultiSelectField", "searchValue:platformCore:RecordRef*", attributes="operator"),
        _type("SearchStringField", "searchValue:xsd:string", attributes="operator"),
        _type(
            "TokenPassport",
            "account:xsd:string consumerKey:xsd:string token:xsd:string nonce:xsd:string timestamp:xsd:long"
            " signature:platformCore:TokenPassportSignature",
        ),
        ' <xsd:complexType name="TokenPassportSignature"><xsd:simpleContent><xsd:extension base="xsd:string">'
        '<xsd:attribute name="algorithm" type="xsd:string" use="required"/>'
        "</xsd:extension></xsd:simpleContent></xsd:complexType>\n",
        _type("Status", "statusDetail:platformCore:StatusDetail*", attributes="isSuccess"),
        _type(
            "StatusDetail",
            "code:xsd:string message:xsd:string afterSubmitFailed:xsd:boolean",
            attributes="type",
        ),
        _type("RecordList", "record:platformCore:Record*"),
        _type(
            "SearchResult",
            "status:platformCore:Status totalRecords:xsd:int pageSize:xsd:int totalPages:xsd:int"
            " pageIndex:xsd:int searchId:xsd:string recordList:platformCore:RecordList",
        ),
        _element("status", "platformCore:Status"),
        _element("searchResult", "platformCore:SearchResult"),
    )
)

_MESSAGES: Final = "".join(
    (
        _element("tokenPassport", "platformCore:TokenPassport"),
        _element("searchPreferences", "platformMsgs:SearchPreferences"),
        _element("preferences", "platformMsgs:Preferences"),
        _type(
            "SearchPreferences", "bodyFieldsOnly:xsd:boolean returnSearchColumns:xsd:boolean pageSize:xsd:int"
        ),
        _type(
            "Preferences",
            "warningAsError:xsd:boolean disableMandatoryCustomFieldValidation:xsd:boolean"
            " disableSystemNotesForCustomFields:xsd:boolean ignoreReadOnlyFields:xsd:boolean"
            " runServerSuiteScriptAndTriggerWorkflows:xsd:boolean",
        ),
        _type("SearchRequest", "searchRecord:platformCore:SearchRecord"),
        _type("SearchMoreWithIdRequest", "searchId:xsd:string pageIndex:xsd:int"),
        _type("GetRequest", "baseRef:platformCore:BaseRef"),
        _type("GetListRequest", "baseRef:platformCore:BaseRef*"),
        _type("UpdateRequest", "record:platformCore:Record"),
        _type("AddRequest", "record:platformCore:Record"),
        _type("GetServerTimeRequest", ""),
        _type("SearchResponse", "searchResult:platformCore:SearchResult"),
        _type("ReadResponse", "status:platformCore:Status record:platformCore:Record"),
        _type("ReadResponseList", "status:platformCore:Status readResponse:platformMsgs:ReadResponse*"),
        _type("WriteResponse", "status:platformCore:Status baseRef:platformCore:BaseRef"),
        _type("GetServerTimeResult", "status:platformCore:Status serverTime:xsd:dateTime"),
        _type("GetResponse", "readResponse:platformMsgs:ReadResponse"),
        _type("GetListResponse", "readResponseList:platformMsgs:ReadResponseList"),
        _type("UpdateResponse", "writeResponse:platformMsgs:WriteResponse"),
        _type("AddResponse", "writeResponse:platformMsgs:WriteResponse"),
        _type("GetServerTimeResponse", "getServerTimeResult:platformMsgs:GetServerTimeResult"),
        *(_element(op, f"platformMsgs:{op[0].upper()}{op[1:]}Request") for op in _OPERATIONS),
        *(
            _element(f"{op}Response", f"platformMsgs:{op[0].upper()}{op[1:]}Response")
            for op in _OPERATIONS
            if op != "searchMoreWithId"
        ),
        _element("searchMoreWithIdResponse", "platformMsgs:SearchResponse"),
    )
)

_COMMON: Final = "".join(
    (
        _type(
            "TransactionSearchBasic",
            "internalId:platformCore:SearchMultiSelectField lastModifiedDate:platformCore:SearchDateField"
            " mainLine:platformCore:SearchBooleanField status:platformCore:SearchEnumMultiSelectField"
            " subsidiary:platformCore:SearchMultiSelectField tranDate:platformCore:SearchDateField"
            " tranId:platformCore:SearchStringField type:platformCore:SearchEnumMultiSelectField",
            base="platformCore:SearchRecordBasic",
        ),
        _type(
            "CustomerSearchBasic",
            "internalId:platformCore:SearchMultiSelectField isInactive:platformCore:SearchBooleanField"
            " lastModifiedDate:platformCore:SearchDateField",
            base="platformCore:SearchRecordBasic",
        ),
        _type(
            "ItemSearchBasic",
            "internalId:platformCore:SearchMultiSelectField itemId:platformCore:SearchStringField",
            base="platformCore:SearchRecordBasic",
        ),
    )
)

_TRANSACTION: Final = (
    "customForm:platformCore:RecordRef tranDate:xsd:dateTime tranId:xsd:string otherRefNum:xsd:string"
    " memo:xsd:string customFieldList:platformCore:CustomFieldList"
)

_SCHEMAS: Final[Mapping[str, str]] = {
    "messages.platform": _MESSAGES,
    "core.platform": _CORE,
    "common.platform": _COMMON,
    "sales.transactions": _type(
        "Invoice", _TRANSACTION, base="platformCore:Record", attributes="internalId externalId"
    )
    + _type(
        "TransactionSearch", "basic:platformCommon:TransactionSearchBasic", base="platformCore:SearchRecord"
    ),
    "customers.transactions": _type(
        "CreditMemo", _TRANSACTION, base="platformCore:Record", attributes="internalId externalId"
    ),
    "customization.setup": _type(
        "CustomRecord",
        "customRecordId:xsd:string customForm:platformCore:RecordRef isInactive:xsd:boolean"
        " recType:platformCore:RecordRef name:xsd:string customFieldList:platformCore:CustomFieldList",
        base="platformCore:Record",
        attributes="internalId externalId",
    ),
    "accounting.lists": _type(
        "ItemSearch", "basic:platformCommon:ItemSearchBasic", base="platformCore:SearchRecord"
    ),
}
_IMPORTS: Final[Mapping[str, tuple[str, ...]]] = {
    "customization.setup": ("core.platform",),
    "core.platform": (),
    "messages.platform": ("core.platform",),
    "common.platform": ("core.platform",),
    "sales.transactions": ("core.platform", "common.platform"),
    "customers.transactions": ("core.platform",),
    "accounting.lists": ("core.platform", "common.platform"),
}
