"""python -m tests.words: renews the catalogues of the sentences that people read about stops and alarms.

The source is read as syntax trees, nothing of it is run. A sentence is what reaches a parameter, a field or a
key of `NAMES` (`what` and `fix` of an error, `sentence` of an alarm) in the parts of the product that
`PLACES` names: as a text, an f-string, by way of a variable, a condition, a table, a function that gives it,
or a parameter of another name that is only handed on. What an f-string fills in becomes {1}, {2}, ...; a
comment in the catalogue says what each stands for. Translations are kept, sentences that are gone are
dropped.
"""

from __future__ import annotations

import ast
import itertools
import re
import sys
from collections import defaultdict
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from functools import cache, cached_property
from pathlib import Path
from typing import Final

from babel.messages.catalog import Catalog
from babel.messages.pofile import read_po, write_po
from ruamel.yaml import YAML

from gateway.alarms.model import Kind
from gateway.reasons import CATALOGUES, TRANSLATED
from tests.architecture.sources import ROOT, Module, modules

__all__ = ["Template", "templates"]

# Where sentences for clerks, compliance officers and buyers are made.
PLACES: Final = (
    *("formats", "mappings", "connectors.channels", "connectors.kit", "connectors.erp", "connectors.base"),
    *("connectors.budget", "connectors.http", "connectors.sftp", "connectors.soap", "connectors.checking"),
    *("gateway.pipeline", "gateway.alarms", "gateway.portal", "gateway.peppol", "gateway.store"),
    *("gateway.access", "gateway.mandates", "gateway.buyer_kinds", "gateway.wiring", "gateway.rules.engine"),
    *("gateway.rules.judging", "gateway.rules.compiled", "gateway.webhooks.sender", "gateway.web.console"),
    *("gateway.web.guard", "gateway.web.portal", "gateway.settings", "gateway.config_file"),
)
# What only those read who write configuration or mappings, add rule packs, connect something or look after
# people and certificates, each at their own screen; and what only the other side's computer is told.
LEFT_OUT: Final = (
    *("formats.plugins", "formats.rules", "formats.codelists", "formats.phrases", "formats.render"),
    *(
        "formats.model.plain",
        "formats.statistics",
        "formats.signatures.algorithms",
        "formats.signatures.asn1",
    ),
    *("formats.signatures.canonical", "formats.signatures.certificates", "formats.signatures.cms_check"),
    *("formats.signatures.inspection", "formats.signatures.pades", "formats.signatures.profiles"),
    *("formats.signatures.reference", "formats.signatures.strength", "formats.signatures.timestamp"),
    *("formats.signatures.trust", "formats.signatures.xml_check", "formats.envelopes.facturae_file"),
    *("formats.envelopes.outline", "formats.envelopes.other_content"),
    *("mappings.compiler", "mappings.expressions", "mappings.registry"),
    *("connectors.registry", "connectors.erp.netsuite_rest_checks", "connectors.channels.peppol.pki.keys"),
    *("connectors.channels.peppol.pki.ocsp", "connectors.channels.peppol.discovery.smp_documents"),
    *("connectors.channels.peppol.discovery.smp_signature", "connectors.channels.peppol.as4.answering"),
    *("connectors.channels.peppol.as4.blobs", "connectors.channels.peppol.as4.business_envelope"),
    *("connectors.channels.peppol.as4.compression", "connectors.channels.peppol.as4.encryption"),
    *("connectors.channels.peppol.as4.envelope", "connectors.channels.peppol.as4.incoming"),
    *("connectors.channels.peppol.as4.mime", "connectors.channels.peppol.as4.profile"),
    *("connectors.channels.peppol.as4.signing", "connectors.channels.peppol.as4.soap"),
    *("gateway.access.granting", "gateway.access.id_tokens", "gateway.access.new_sources"),
    *("gateway.access.oidc", "gateway.access.sealing", "gateway.access.source_form"),
    *("gateway.store.database", "gateway.store.people", "gateway.store.schema", "gateway.store.tokens"),
    *("gateway.store.migrations", "gateway.web.console.account", "gateway.web.console.people"),
    *("gateway.web.console.sources", "gateway.web.console.tokens"),
)
NAMES: Final = frozenset(
    {
        *("what", "fix", "sentence", "because", "why", "reason", "drift", "stops", "hint", "refused_fix"),
        *("rights_fix", "detail", "unfit", "against", "refused"),
    }
)
# Words of which sentences are put together letter by letter, where no reader of the source sees them.
BESIDE: Final = (
    *("Mondays", "Tuesdays", "Wednesdays", "Thursdays", "Fridays", "Saturdays", "Sundays"),
    *("Mondays to Fridays", "Mondays to Saturdays", "{1} to {2}", "{1} and {2}", "{1} or {2}"),
    # Of the subjects of alarm mails.
    *("Alarm", "Still open", "Over", *(kind.value for kind in Kind)),
)
# Of what is written for machines and for logs nothing is collected.
_LOGGING: Final = frozenset({"debug", "info", "warning", "error", "exception"})
_GIVING: Final = (ast.Call, ast.Dict, ast.Assign, ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef)
_MOST_INLINE: Final = 4
_MOST_ALONE: Final = 40
_MOST_FORMS: Final = 400
_DEEPEST: Final = 12
_WORD: Final = re.compile(r"[^\W\d_]{2,}")
_FIELD: Final = re.compile(r"\{([a-z_]*)\}")


@dataclass(frozen=True, slots=True)
class Hole:
    """A place that is filled in; `source` is the expression."""

    source: str


Part = str | Hole
Form = tuple[Part, ...]


@dataclass(frozen=True, slots=True)
class Template:
    """One sentence: its text with {1}, {2}, ...; what each stands for; the files it comes from."""

    text: str
    holes: tuple[tuple[str, ...], ...]
    places: tuple[str, ...]


@dataclass(slots=True)
class _Callee:
    """Something that can be called: its parameters with their defaults, and what it returns."""

    house: _House
    node: ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef
    inside: ast.ClassDef | None
    parameters: list[str]
    defaults: dict[str, ast.expr]


@dataclass(frozen=True, slots=True)
class _Scope:
    """Where an expression stands: the module, the class and the functions around it, the innermost last."""

    house: _House
    inside: ast.ClassDef | None = None
    functions: tuple[ast.FunctionDef | ast.AsyncFunctionDef, ...] = ()


@dataclass(frozen=True, slots=True)
class _Given:
    """An expression that may be a sentence: for certain if `wanted`, else if one of the `parameters` that it
    is given to is handed on."""

    value: ast.expr
    scope: _Scope
    wanted: bool
    parameters: tuple[tuple[int, str], ...] = ()


@dataclass(eq=False)
class _House:
    """One module with what it defines at its top."""

    module: Module
    constants: dict[str, list[ast.expr]] = field(default_factory=lambda: defaultdict(list))
    functions: dict[str, ast.FunctionDef | ast.AsyncFunctionDef] = field(default_factory=dict)
    classes: dict[str, ast.ClassDef] = field(default_factory=dict)
    imported: dict[str, tuple[str, str]] = field(default_factory=dict)

    @cached_property
    def scopes(self) -> list[tuple[ast.AST, _Scope]]:
        """Where something is given, with the scope."""
        return list(_walk(self.module.tree, _Scope(self)))

    @property
    def wanted(self) -> bool:
        name = self.module.name
        return _below(name, PLACES) and not _below(name, LEFT_OUT) and not name.endswith("settings")


def _below(name: str, packages: Iterable[str]) -> bool:
    return any(name == one or name.startswith(f"{one}.") for one in packages)


def _walk(node: ast.AST, scope: _Scope) -> Iterator[tuple[ast.AST, _Scope]]:
    for child in ast.iter_child_nodes(node):
        if isinstance(child, _GIVING):
            yield child, scope
        if isinstance(child, ast.ClassDef):
            yield from _walk(child, _Scope(scope.house, child))
        elif isinstance(child, ast.FunctionDef | ast.AsyncFunctionDef):
            yield from _walk(child, _Scope(scope.house, scope.inside, (*scope.functions, child)))
        elif not isinstance(child, ast.Name | ast.Constant | ast.alias):
            yield from _walk(child, scope)


class _Reader:
    """Reads all modules; `found` fills with the forms of every sentence."""

    def __init__(self) -> None:
        self.houses = {module.name: _furnished(module) for module in modules() if _read_at_all(module.name)}
        self.found: dict[Form, set[str]] = defaultdict(set)
        # Parameters that are only handed on to where a sentence is wanted.
        self.handed_on: set[tuple[int, str]] = set()
        self.unresolved: set[str] = set()
        self._known: dict[tuple[object, ...], list[Form]] = {}
        self._cut: dict[tuple[int, str], ast.expr] = {}
        self._methods: dict[str, list[_Callee]] = defaultdict(list)
        for house in self.houses.values():
            for one in house.classes.values():
                for method in one.body:
                    if isinstance(method, ast.FunctionDef | ast.AsyncFunctionDef):
                        self._methods[method.name].append(_callee(house, method, one))

    def read(self) -> None:
        """Until no further parameter turns out to be handed on."""
        waiting: list[_Given] = []
        for house in self.houses.values():
            if house.wanted:
                for node, scope in house.scopes:
                    waiting += self._given(node, scope)
        known = -1
        while known != len(self.handed_on):
            known = len(self.handed_on)
            later = []
            for one in waiting:
                if one.wanted or not self.handed_on.isdisjoint(one.parameters):
                    self._take(one.value, one.scope)
                else:
                    later.append(one)
            waiting = later

    def _given(self, node: ast.AST, scope: _Scope) -> Iterator[_Given]:
        """What is given here to a name: to a parameter, a key, a field, or by a property."""
        match node:
            case ast.Call():
                yield from self._arguments(node, scope)
            case ast.Dict(keys=keys, values=values):
                for key, value in zip(keys, values, strict=True):
                    if isinstance(key, ast.Constant) and key.value in NAMES:
                        yield _Given(value, scope, True)
            case ast.Assign(targets=[ast.Attribute(attr=name)], value=value) if name in NAMES:
                yield _Given(value, scope, True)
            case ast.FunctionDef() | ast.AsyncFunctionDef():
                for name, default in _callee(scope.house, node, scope.inside).defaults.items():
                    yield _Given(default, scope, name in NAMES, ((id(node), name),))
                if scope.inside is not None and node.name in NAMES:
                    inner = _Scope(scope.house, scope.inside, (*scope.functions, node))
                    for value in _returned(node):
                        yield _Given(value, inner, True)
            case ast.ClassDef():
                for name, given in _fields(node):
                    if name in NAMES and given is not None:
                        yield _Given(given, scope, True)

    def _arguments(self, node: ast.Call, scope: _Scope) -> Iterator[_Given]:
        if isinstance(node.func, ast.Attribute) and node.func.attr in _LOGGING:
            return
        callees = self._callees(node.func, scope)
        for index, value in enumerate(node.args):
            if isinstance(value, ast.Starred):
                break
            names = [(one, one.parameters[index]) for one in callees if index < len(one.parameters)]
            keys = tuple((id(one.node), name) for one, name in names)
            yield _Given(value, scope, any(name in NAMES for _, name in names), keys)
        for keyword in node.keywords:
            name = keyword.arg or ""
            keys = tuple((id(one.node), name) for one in callees)
            yield _Given(keyword.value, scope, name in NAMES, keys)

    def _take(self, value: ast.expr, scope: _Scope) -> None:
        for form in self._forms(value, scope, 0):
            self._keep(form, scope)

    def _keep(self, form: Form, scope: _Scope) -> None:
        if scope.house.wanted and _says_something(form):
            self.found[form].add(scope.house.module.place)

    # What an expression may be.

    def _forms(self, node: ast.expr, scope: _Scope, depth: int) -> list[Form]:
        """All forms of a text; a single hole where it cannot be told."""
        if depth > _DEEPEST:
            return [(Hole(_source(node)),)]
        key = (id(node), id(scope.house), id(scope.inside), *(id(one) for one in scope.functions))
        if key not in self._known:
            self._known[key] = list(dict.fromkeys(self._read_forms(node, scope, depth)))[:_MOST_FORMS]
        return self._known[key]

    def _read_forms(self, node: ast.expr, scope: _Scope, depth: int) -> list[Form]:
        match node:
            case ast.Constant(value=str(text)):
                return [_fields_as_holes(text)]
            case ast.JoinedStr(values=values):
                return self._product([self._piece(one, scope, depth, _room(values)) for one in values])
            case ast.BinOp(op=ast.Add(), left=left, right=right):
                parts = (left, right)
                return self._product([self._piece(one, scope, depth, _room(parts)) for one in parts])
            case ast.BinOp(op=ast.Mod(), left=ast.Constant(value=str(text))):
                pieces = re.split(r"%(?:\(\w+\))?[-\d.]*[sdr]", text)
                return [_joined([*itertools.chain(*((one, Hole("a value")) for one in pieces))][:-1])]
            case ast.IfExp(body=body, orelse=other):
                return [*self._forms(body, scope, depth + 1), *self._forms(other, scope, depth + 1)]
            case ast.BoolOp(values=values):
                return [form for one in values for form in self._forms(one, scope, depth + 1)]
            case ast.NamedExpr(value=value):
                return self._forms(value, scope, depth + 1)
            case ast.Name(id=name):
                return self._named(name, scope, depth)
            case ast.Subscript(value=value, slice=ast.Slice()):
                return self._forms(value, scope, depth + 1)
            case ast.Subscript(value=value):
                return self._looked_up(node, value, scope, depth)
            case ast.Call():
                return self._called(node, scope, depth)
            case ast.Attribute():
                return self._attribute(node, scope, depth)
        return [(Hole(_source(node)),)]

    def _piece(self, node: ast.expr, scope: _Scope, depth: int, most: int) -> list[Form]:
        """A part of a longer text: its forms where they are few and all known, else a hole, and the forms on
        their own."""
        value = node.value if isinstance(node, ast.FormattedValue) else node
        if isinstance(node, ast.FormattedValue) and (node.format_spec is not None or node.conversion != -1):
            return [(Hole(_source(value)),)]
        forms = list(dict.fromkeys(self._forms(value, scope, depth + 1)))
        if isinstance(node, ast.FormattedValue) and not any(forms):
            raise ValueError(f"{scope.house.module.place}: the place {{{_source(value)}}} is always empty")
        open_ones = [form for form in forms if not _literal(form)]
        if not open_ones and len(forms) <= most:
            return forms
        if isinstance(value, ast.BinOp) and len(forms) <= most * 2:
            return forms
        for form in forms:
            self._keep(form, scope)
        return [(Hole(_source(value)),)]

    def _product(self, pieces: list[list[Form]]) -> list[Form]:
        many = itertools.islice(itertools.product(*pieces), _MOST_FORMS)
        return [_joined([part for form in one for part in form]) for one in many]

    def _named(self, name: str, scope: _Scope, depth: int) -> list[Form]:
        for index in range(len(scope.functions), 0, -1):
            function = scope.functions[index - 1]
            here = _Scope(scope.house, scope.inside, scope.functions[:index])
            values = list(_assigned(function, name))
            is_parameter = name in _all_parameters(function)
            if is_parameter:
                self.handed_on.add((id(function), name))
                if function.name == "__init__" and scope.inside is not None:
                    self.handed_on.add((id(scope.inside), name))
            if values or is_parameter:
                forms = [form for value in values for form in self._assigned_forms(value, name, here, depth)]
                return forms or [(Hole(name),)]
        if name in scope.house.constants:
            at_top = _Scope(scope.house)
            return [
                form
                for value in scope.house.constants[name]
                for form in self._assigned_forms((value, None), name, at_top, depth)
            ]
        if name in scope.house.imported:
            place, other = scope.house.imported[name]
            house = self.houses.get(place)
            if house is not None and other in house.constants:
                return self._named(other, _Scope(house), depth + 1)
        return [(Hole(name),)]

    def _assigned_forms(
        self, value: tuple[ast.expr, int | None], name: str, scope: _Scope, depth: int
    ) -> list[Form]:
        node, index = value
        if index is None:
            if any(isinstance(one, ast.Name) and one.id == name for one in ast.walk(node)):
                # what += "...", what = what.strip(): the rest of it on its own.
                cut = self._cut.setdefault((id(node), name), _without(node, name))
                return self._forms(cut, scope, depth + 1)
            return self._forms(node, scope, depth + 1)
        return [form for one in self._elements(node, index, scope, depth) for form in one]

    def _elements(self, node: ast.expr, index: int, scope: _Scope, depth: int) -> Iterator[list[Form]]:
        """The forms of one element of what may be a pair."""
        if depth > _DEEPEST:
            return
        match node:
            case ast.Tuple(elts=elements) | ast.List(elts=elements) if index < len(elements):
                yield self._forms(elements[index], scope, depth + 1)
            case ast.IfExp(body=body, orelse=other):
                yield from self._elements(body, index, scope, depth + 1)
                yield from self._elements(other, index, scope, depth + 1)
            case ast.Call(func=function):
                for callee in self._callees(function, scope):
                    if not isinstance(callee.node, ast.ClassDef):
                        inner = _Scope(callee.house, callee.inside, (callee.node,))
                        for value in _returned(callee.node):
                            yield from self._elements(value, index, inner, depth + 1)
                if isinstance(function, ast.Attribute) and function.attr == "get":
                    for held, place in self._values_of(function.value, scope):
                        yield from self._elements(held, index, place, depth + 1)
                    for default in node.args[1:]:
                        yield from self._elements(default, index, scope, depth + 1)
            case ast.Subscript(value=table):
                for held, place in self._values_of(table, scope):
                    yield from self._elements(held, index, place, depth + 1)

    def _values_of(self, node: ast.expr, scope: _Scope) -> list[tuple[ast.expr, _Scope]]:
        """What a table that is named here holds."""
        match node:
            case ast.Dict(values=values):
                return [(one, scope) for one in values]
            case ast.Tuple(elts=values) | ast.List(elts=values):
                return [(one, scope) for one in values]
            case ast.Call(args=[first, *_]):
                return self._values_of(first, scope)
            case ast.Name(id=name):
                if name in scope.house.constants:
                    at_top = _Scope(scope.house)
                    return [
                        one for value in scope.house.constants[name] for one in self._values_of(value, at_top)
                    ]
                if name in scope.house.imported:
                    place, other = scope.house.imported[name]
                    house = self.houses.get(place)
                    if house is not None and other in house.constants:
                        return self._values_of(ast.Name(other), _Scope(house))
                return [
                    one
                    for function in scope.functions
                    for value, index in _assigned(function, name)
                    if index is None
                    for one in self._values_of(value, scope)
                ]
        return []

    def _listed(self, node: ast.expr, scope: _Scope, depth: int) -> Iterator[tuple[ast.expr, _Scope]]:
        """The elements of what is joined: of a list that is written out, or filled in a function."""
        if depth > _DEEPEST:
            return
        match node:
            case ast.GeneratorExp(elt=element) | ast.ListComp(elt=element):
                yield element, scope
            case ast.Tuple(elts=elements) | ast.List(elts=elements):
                for one in elements:
                    yield one, scope
            case ast.IfExp(body=body, orelse=other) | ast.BinOp(left=body, right=other):
                yield from self._listed(body, scope, depth + 1)
                yield from self._listed(other, scope, depth + 1)
            case ast.Name(id=name):
                for function in scope.functions:
                    for value, index in _assigned(function, name):
                        if index is None and not any(
                            isinstance(one, ast.Name) and one.id == name for one in ast.walk(value)
                        ):
                            yield from self._listed(value, scope, depth + 1)
                    for value in _appended(function, name):
                        yield value, scope
            case ast.Call(func=function, args=arguments):
                for callee in self._callees(function, scope):
                    if not isinstance(callee.node, ast.ClassDef):
                        inner = _Scope(callee.house, callee.inside, (callee.node,))
                        for value in _returned(callee.node):
                            if _gives_text(callee.node) and not isinstance(value, ast.Constant):
                                yield from self._listed(value, inner, depth + 1)
                if isinstance(function, ast.Name) and function.id in ("list", "tuple", "filter", "sorted"):
                    for one in arguments:
                        yield from self._listed(one, scope, depth + 1)

    def _looked_up(self, node: ast.expr, table: ast.expr, scope: _Scope, depth: int) -> list[Form]:
        values = self._values_of(table, scope)
        forms = [form for value, place in values for form in self._forms(value, place, depth + 1)]
        return forms or [(Hole(_source(node)),)]

    def _called(self, node: ast.Call, scope: _Scope, depth: int) -> list[Form]:
        function = node.func
        if isinstance(function, ast.Attribute):
            if function.attr in ("strip", "rstrip", "lstrip", "capitalize", "replace", "format"):
                return self._forms(function.value, scope, depth + 1)
            if function.attr == "get":
                forms = self._looked_up(node, function.value, scope, depth)
                return [
                    *forms,
                    *(form for one in node.args[1:] for form in self._forms(one, scope, depth + 1)),
                ]
            if function.attr == "join":
                for value in node.args:
                    for part, place in self._listed(value, scope, depth):
                        for form in self._forms(part, place, depth + 1):
                            self._keep(form, scope)
                return [(Hole(_source(node)),)]
        if isinstance(function, ast.Name) and function.id == "str" and node.args:
            return [(Hole(_source(node.args[0])),)]
        found: list[Form] = []
        for callee in self._callees(function, scope, few=True):
            if isinstance(callee.node, ast.ClassDef):
                continue
            inner = _Scope(callee.house, callee.inside, (callee.node,))
            if _gives_text(callee.node):
                for value in _returned(callee.node):
                    found += self._forms(value, inner, depth + 1)
        return found or [(Hole(_source(node)),)]

    def _attribute(self, node: ast.Attribute, scope: _Scope, depth: int) -> list[Form]:
        if isinstance(node.value, ast.Name):
            owner = scope.inside if node.value.id in ("self", "cls") else None
            owner = owner or scope.house.classes.get(node.value.id)
            if owner is not None:
                values = [value for name, value in _fields(owner) if name == node.attr and value is not None]
                forms = [form for value in values for form in self._forms(value, scope, depth + 1)]
                if forms and node.attr in _defaults(owner):
                    # What is given in place of the default cannot be told.
                    forms = [*filter(None, forms), (Hole(_source(node)),)]
                if forms:
                    return forms
                if node.value.id == "self" and (
                    returned := self._by_property(owner, scope, node.attr, depth)
                ):
                    return returned
            if node.value.id in scope.house.imported:
                place, other = scope.house.imported[node.value.id]
                house = self.houses.get(f"{place}.{other}" if other else place)
                if house is not None and node.attr in house.constants:
                    return self._named(node.attr, _Scope(house), depth + 1)
        return [(Hole(_source(node)),)]

    def _by_property(self, owner: ast.ClassDef, scope: _Scope, name: str, depth: int) -> list[Form]:
        """The forms of a property that gives a text."""
        found: list[Form] = []
        for one in owner.body:
            if isinstance(one, ast.FunctionDef) and one.name == name and _gives_text(one):
                inner = _Scope(scope.house, owner, (one,))
                found += [form for value in _returned(one) for form in self._forms(value, inner, depth + 1)]
        return found

    # Who is called.

    def _callees(self, function: ast.expr, scope: _Scope, *, few: bool = False) -> list[_Callee]:
        match function:
            case ast.Name(id=name):
                for around in scope.functions:
                    inner = _inner(around).get(name)
                    if inner is not None:
                        return [_callee(scope.house, inner, scope.inside)]
                return self._defined(scope.house, name)
            case ast.Attribute(value=ast.Name(id=("self" | "cls")), attr=name) if scope.inside is not None:
                own = self._method(scope.house, scope.inside, name)
                return own or self._methods.get(name, [])[:3]
            case ast.Attribute(value=ast.Call(func=ast.Name(id="super")), attr="__init__"):
                if scope.inside is None:
                    return []
                return [
                    one
                    for base in scope.inside.bases
                    if isinstance(base, ast.Name)
                    for one in self._defined(scope.house, base.id)
                ]
            case ast.Attribute(value=ast.Name(id=name), attr=attribute):
                if name in scope.house.imported:
                    place, other = scope.house.imported[name]
                    house = self.houses.get(f"{place}.{other}" if other else place)
                    if house is not None:
                        return self._defined(house, attribute)
                    return self._of_class(place, other, attribute)
                if name in scope.house.classes:
                    return self._method(scope.house, scope.house.classes[name], attribute)
                return self._anywhere(attribute)
            case ast.Attribute(attr=attribute):
                return self._anywhere(attribute)
        return []

    def _anywhere(self, name: str) -> list[_Callee]:
        found = self._methods.get(name, [])
        return found if len(found) <= 3 else []

    def _of_class(self, place: str, name: str, method: str) -> list[_Callee]:
        house = self.houses.get(place)
        if house is None or name not in house.classes:
            return []
        return self._method(house, house.classes[name], method)

    def _method(self, house: _House, inside: ast.ClassDef, name: str) -> list[_Callee]:
        for one in inside.body:
            if isinstance(one, ast.FunctionDef | ast.AsyncFunctionDef) and one.name == name:
                return [_callee(house, one, inside)]
        for base in inside.bases:
            if isinstance(base, ast.Name):
                for parent in self._defined(house, base.id):
                    if isinstance(parent.node, ast.ClassDef):
                        return self._method(parent.house, parent.node, name)
        return []

    def _defined(self, house: _House, name: str, depth: int = 0) -> list[_Callee]:
        if depth > 5:
            return []
        if name in house.functions:
            return [_callee(house, house.functions[name], None)]
        if name in house.classes:
            return [self._made(house, house.classes[name])]
        if name in house.imported:
            place, other = house.imported[name]
            if place in self.houses and other:
                return self._defined(self.houses[place], other, depth + 1)
        return []

    def _made(self, house: _House, node: ast.ClassDef) -> _Callee:
        """A class as what its calls look like."""
        for one in node.body:
            if isinstance(one, ast.FunctionDef) and one.name == "__init__":
                made = _callee(house, one, node)
                return _Callee(house, node, None, made.parameters, made.defaults)
        names = [name for name, _ in _fields(node)]
        for base in node.bases:
            if isinstance(base, ast.Name) and not names:
                for parent in self._defined(house, base.id):
                    return _Callee(house, node, None, parent.parameters, parent.defaults)
        return _Callee(house, node, None, names, {})


def _read_at_all(name: str) -> bool:
    return not _below(name, ("connectors.sandbox", "connectors.conformance", "gateway.cli"))


def _furnished(module: Module) -> _House:
    house = _House(module)
    for node in module.tree.body:
        if isinstance(node, ast.ImportFrom):
            for alias in node.names:
                house.imported[alias.asname or alias.name] = (node.module or "", alias.name)
        elif isinstance(node, ast.Import):
            for alias in node.names:
                house.imported[alias.asname or alias.name] = (alias.name, "")
    for node in module.tree.body:
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            house.functions[node.name] = node
        elif isinstance(node, ast.ClassDef):
            house.classes[node.name] = node
        elif isinstance(node, ast.Assign):
            for target in node.targets:
                if isinstance(target, ast.Name):
                    house.constants[target.id].append(node.value)
        elif isinstance(node, ast.AnnAssign) and isinstance(node.target, ast.Name) and node.value is not None:
            house.constants[node.target.id].append(node.value)
    return house


def _callee(
    house: _House, node: ast.FunctionDef | ast.AsyncFunctionDef, inside: ast.ClassDef | None
) -> _Callee:
    positional = [one.arg for one in (*node.args.posonlyargs, *node.args.args)]
    defaults = dict(zip(reversed(positional), reversed(node.args.defaults), strict=False))
    for one, default in zip(node.args.kwonlyargs, node.args.kw_defaults, strict=True):
        if default is not None:
            defaults[one.arg] = default
    if inside is not None and positional[:1] in (["self"], ["cls"]):
        positional = positional[1:]
    return _Callee(house, node, inside, positional, defaults)


def _all_parameters(node: ast.FunctionDef | ast.AsyncFunctionDef) -> set[str]:
    return {one.arg for one in (*node.args.posonlyargs, *node.args.args, *node.args.kwonlyargs)}


def _fields(node: ast.ClassDef) -> list[tuple[str, ast.expr | None]]:
    found: list[tuple[str, ast.expr | None]] = []
    for one in node.body:
        if isinstance(one, ast.AnnAssign) and isinstance(one.target, ast.Name):
            found.append((one.target.id, one.value))
        elif isinstance(one, ast.Assign):
            found.extend((target.id, one.value) for target in one.targets if isinstance(target, ast.Name))
    return found


@cache
def _inner(function: ast.FunctionDef | ast.AsyncFunctionDef) -> dict[str, ast.FunctionDef]:
    """The functions within."""
    return {one.name: one for one in ast.walk(function) if isinstance(one, ast.FunctionDef)}


@cache
def _own(function: ast.AST) -> tuple[ast.AST, ...]:
    return tuple(_own_nodes(function))


def _own_nodes(function: ast.AST) -> Iterator[ast.AST]:
    """Without those of functions within."""
    for child in ast.iter_child_nodes(function):
        yield child
        if not isinstance(child, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef | ast.Lambda):
            yield from _own_nodes(child)


def _returned(function: ast.AST) -> Iterator[ast.expr]:
    for node in _own(function):
        if isinstance(node, ast.Return | ast.Yield) and node.value is not None:
            yield node.value


def _gives_text(function: ast.FunctionDef | ast.AsyncFunctionDef) -> bool:
    return function.returns is not None and "str" in ast.unparse(function.returns)


def _assigned(function: ast.AST, name: str) -> Iterator[tuple[ast.expr, int | None]]:
    """What a variable is given in a function; with an index where it is one element of that."""
    for node in _own(function):
        match node:
            case ast.Assign(targets=targets, value=value):
                for target in targets:
                    yield from _bound(target, value, name)
            case ast.AnnAssign(target=target, value=value) if value is not None:
                yield from _bound(target, value, name)
            case ast.AugAssign(target=ast.Name(id=id_), value=value) if id_ == name:
                yield value, None
            case ast.NamedExpr(target=ast.Name(id=id_), value=value) if id_ == name:
                yield value, None
            case ast.For(target=target, iter=ast.Tuple(elts=rows) | ast.List(elts=rows)):
                for row in rows:
                    yield from _bound(target, row, name)


def _bound(target: ast.expr, value: ast.expr, name: str) -> Iterator[tuple[ast.expr, int | None]]:
    if isinstance(target, ast.Name) and target.id == name:
        yield value, None
    elif isinstance(target, ast.Tuple):
        for index, one in enumerate(target.elts):
            if isinstance(one, ast.Name) and one.id == name:
                yield value, index


def _without(node: ast.expr, name: str) -> ast.expr:
    """The expression with something unknown in place of the variable itself, lest it is followed for ever."""

    class _Cut(ast.NodeTransformer):
        def visit_Name(self, found: ast.Name) -> ast.expr:
            return ast.Constant(...) if found.id == name else found

    cut = _Cut().visit(ast.parse(ast.unparse(node), mode="eval").body)
    assert isinstance(cut, ast.expr)
    return cut


def _appended(function: ast.AST, name: str) -> Iterator[ast.expr]:
    """What a list is given one by one."""
    for node in _own(function):
        match node:
            case ast.Call(func=ast.Attribute(value=ast.Name(id=id_), attr="append"), args=[value]) if (
                id_ == name
            ):
                yield value


def _fields_as_holes(text: str) -> Form:
    pieces = _FIELD.split(text)
    return _joined([Hole(one or "a value") if index % 2 else one for index, one in enumerate(pieces)])


def _joined(parts: Iterable[Part]) -> Form:
    """Neighbouring texts as one; neighbouring holes too, for nobody could tell them apart."""
    made: list[Part] = []
    for part in parts:
        if part == "":
            continue
        last = made[-1] if made else None
        if isinstance(part, str) and isinstance(last, str):
            made[-1] = last + part
        elif isinstance(part, Hole) and isinstance(last, Hole):
            made[-1] = Hole(f"{last.source} {part.source}")
        else:
            made.append(part)
    return tuple(made)


def _room(parts: Iterable[ast.expr]) -> int:
    """How many forms a part may have: more where the text around it says nothing by itself."""
    words = 0
    for one in parts:
        if isinstance(one, ast.Constant) and isinstance(one.value, str):
            words += len(_WORD.findall(one.value))
    return _MOST_INLINE if words >= 2 else _MOST_ALONE


def _literal(form: Form) -> bool:
    return not form or any(isinstance(part, str) for part in form)


def _says_something(form: Form) -> bool:
    """Two words at least, apart: single ones are names, codes, or parts of a sentence that holds them."""
    words = [word for part in form if isinstance(part, str) for word in _WORD.findall(part)]
    return len(words) >= 2 and " " in _written(form)[0]


def _defaults(node: ast.ClassDef) -> set[str]:
    """The fields whose value is only what they have where nothing is given."""
    return {
        one.target.id
        for one in node.body
        if isinstance(one, ast.AnnAssign)
        and isinstance(one.target, ast.Name)
        and not ast.unparse(one.annotation).startswith(("ClassVar", "Final"))
    }


def _source(node: ast.expr) -> str:
    text = " ".join(ast.unparse(node).split())
    return text if len(text) <= 80 else text[:77] + "..."


def _written(form: Form) -> tuple[str, list[str]]:
    holes: list[str] = []
    text = ""
    for part in _apart(form):
        if isinstance(part, Hole):
            holes.append(part.source)
            text += f"{{{len(holes)}}}"
        else:
            text += part
    return text.strip(), holes


def _apart(form: Form) -> Form:
    """Holes with only blanks between them as one: an amount and its currency, a code and its words."""
    made: list[Part] = []
    for index, part in enumerate(form):
        inner = 0 < index < len(form) - 1
        if isinstance(part, str) and not part.strip() and inner:
            continue
        if made and isinstance(part, Hole) and isinstance(made[-1], Hole):
            made[-1] = Hole(f"{made[-1].source}, {part.source}")
        else:
            made.append(part)
    return tuple(made)


def _hints() -> Iterator[tuple[str, str]]:
    """What our mappings tell a clerk to do, with the file."""
    for file in sorted((ROOT / "mappings").glob("*.yaml")):
        found: list[object] = [YAML(typ="safe").load(file)]
        while found:
            match found.pop():
                case dict() as fields:
                    hint = fields.get("hint")
                    if isinstance(hint, str):
                        yield " ".join(hint.split()), f"mappings/{file.name}"
                    found += fields.values()
                case list() as rows:
                    found += rows


def templates() -> tuple[Template, ...]:
    """All sentences of the source, in the order of their texts."""
    reader = _Reader()
    reader.read()
    holes: dict[str, list[dict[str, None]]] = {}
    places: dict[str, set[str]] = defaultdict(set)
    for text in BESIDE:
        holes[text] = [{"a weekday": None} for _ in re.findall(r"\{\d\}", text)]
    for text, place in _hints():
        holes[text] = []
        places[text].add(place)
    for form in sorted(reader.found, key=repr):
        text, sources = _written(form)
        known = holes.setdefault(text, [{} for _ in sources])
        for one, source in zip(known, sources, strict=True):
            one[source] = None
        places[text] |= reader.found[form]
    return tuple(
        Template(text, tuple(tuple(one) for one in holes[text]), tuple(sorted(places[text])))
        for text in sorted(holes)
    )


def merge(file: Path, language: str, found: Iterable[Template]) -> tuple[int, int]:
    """Renew one catalogue; returns how many sentences it holds, and how many of them are not translated."""
    before = Catalog(locale=language)
    if file.exists():
        with file.open("rb") as stream:
            before = read_po(stream, locale=language)
    after = Catalog(locale=language, fuzzy=False)
    missing = 0
    for one in found:
        known = before.get(one.text)
        string = str(known.string) if known is not None and known.string else ""
        missing += not string
        comments = [f"{{{index}}}: {' | '.join(hole[:3])}" for index, hole in enumerate(one.holes, 1)]
        after.add(one.text, string, auto_comments=[*comments, ", ".join(one.places[:3])])
    with file.open("wb") as stream:
        stream.write(_HEADER.format(language=language).encode())
        write_po(stream, after, width=0, omit_header=True)
    return len(after), missing


_HEADER: Final = """msgid ""
msgstr ""
"Language: {language}\\n"
"MIME-Version: 1.0\\n"
"Content-Type: text/plain; charset=utf-8\\n"
"Content-Transfer-Encoding: 8bit\\n"

"""


def main() -> None:
    found = templates()
    for language in TRANSLATED:
        file = CATALOGUES / f"reasons.{language}.po"
        number, missing = merge(file, language, found)
        sys.stdout.write(f"{file}: {number} sentences, {missing} without translation\n")


if __name__ == "__main__":
    main()
