"""Writing XML trees as they read: `EB.MessageInfo(EB.Timestamp("..."), EB.MessageId("..."))`."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from lxml import etree

__all__ = ["Maker", "document"]


class Maker:
    """Makes elements of one namespace, which declare these prefixes where they are not in scope yet.

    Arguments are the text, child elements, or a mapping of attributes with any names; keywords are
    attributes.
    """

    def __init__(self, namespace: str, prefixes: Mapping[str, str]) -> None:
        self._namespace = namespace
        self._prefixes = dict(prefixes)

    def __getattr__(self, name: str) -> Callable[..., etree._Element]:
        def made(*content: str | etree._Element | Mapping[str, str], **attributes: str) -> etree._Element:
            element = etree.Element(f"{{{self._namespace}}}{name}", nsmap=self._prefixes)
            for one in content:
                if isinstance(one, str):
                    element.text = one
                elif isinstance(one, Mapping):
                    for key, value in one.items():
                        element.set(key, value)
                else:
                    element.append(one)
            for key, value in attributes.items():
                element.set(key, value)
            return element

        return made


def document(namespace: str, name: str, prefixes: Mapping[str, str]) -> etree._Element:
    """A root element in the default namespace."""
    declared: dict[str | None, str] = {None: namespace}
    declared.update(prefixes.items())
    return etree.Element(f"{{{namespace}}}{name}", nsmap=declared)  # type: ignore[arg-type]
