"""YAML with its marks: values to work with, and the lines that they stand on."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple

import yaml
from yaml.constructor import BaseConstructor, ConstructorError, SafeConstructor
from yaml.resolver import Resolver

from podprobe.targets.manifest.compose import MERGE, Composed, Repeated, compose

if TYPE_CHECKING:
    from collections.abc import Iterator

_TEXT = frozenset({"tag:yaml.org,2002:timestamp", "tag:yaml.org,2002:value"})
"""To Kubernetes, a date and a lone `=` are text."""


class _Resolver(Resolver):
    """As Kubernetes reads YAML."""


_Resolver.yaml_implicit_resolvers = {
    first: [(tag, pattern) for tag, pattern in resolvers if tag not in _TEXT]
    for first, resolvers in Resolver.yaml_implicit_resolvers.items()
}


class _Constructor(SafeConstructor):
    """Merges keys without changing the nodes: the lines are looked for in them afterwards."""

    def construct_mapping(self, node: yaml.MappingNode, deep: bool = False) -> dict[Any, Any]:
        if any(key.tag == MERGE for key, _ in node.value):
            node = yaml.MappingNode(node.tag, _flat(node), node.start_mark, node.end_mark)
        result: dict[Any, Any] = BaseConstructor.construct_mapping(self, node, deep=deep)
        return result


def _flat(node: yaml.MappingNode) -> list[tuple[yaml.Node, yaml.Node]]:
    """The entries with those that are merged in first: what comes later wins."""
    merged: list[tuple[yaml.Node, yaml.Node]] = []
    for source in reversed(list(_merged(node))):
        if not isinstance(source, yaml.MappingNode):
            raise ConstructorError(
                None, None, "`<<` takes a mapping, or a list of mappings", source.start_mark
            )
        merged += _flat(source)
    return [*merged, *((key, value) for key, value in node.value if key.tag != MERGE)]


def _merged(node: yaml.MappingNode) -> Iterator[yaml.Node]:
    """What a mapping merges in; the first that has a key wins."""
    for key, value in node.value:
        if key.tag == MERGE:
            yield from value.value if isinstance(value, yaml.SequenceNode) else (value,)


class _Child(NamedTuple):
    node: yaml.Node
    mark: yaml.Mark
    used: yaml.Mark | None
    """The mark that everything below has, where it is written elsewhere."""


class Document:
    """One YAML document, or a part of one.

    Args:
        value: what it holds.
        composed: the same, with marks.
        file: where it stands.
        mark: where this part is used, if it is written elsewhere: behind an alias, or merged in.
    """

    def __init__(self, value: Any, composed: Composed, file: str, mark: yaml.Mark | None = None) -> None:
        self.value = value
        self.file = file
        self._composed = composed
        self._mark = mark

    @property
    def repeated(self) -> tuple[Repeated, ...]:
        """Keys of the whole document that a mapping has more than once."""
        return self._composed.repeated

    def line(self, *path: str | int) -> tuple[int, int]:
        """Line and column (from 1) of what the path leads to, or of the last step that is there.

        Of a key the key's own place is told, of an item of a list the item's; of what an alias or a merge key brings
        in, the place of those.
        """
        node, used = self._composed.node, self._mark
        mark = used or node.start_mark
        for step in path:
            found = self._child(node, step)
            if found is None:
                break
            node = found.node
            mark = used or found.mark
            used = used or found.used
        return mark.line + 1, mark.column + 1

    def at(self, *path: str | int) -> Document:
        """A part of the document as one of its own.

        Raises:
            KeyError, IndexError: there is no such part.
        """
        value, node, used = self.value, self._composed.node, self._mark
        for step in path:
            value = value[step]
            found = self._child(node, step)
            if found is None:
                raise KeyError(step)
            node, used = found.node, used or found.used
        return Document(value, self._composed._replace(node=node), self.file, used)

    def _child(self, node: yaml.Node, step: str | int) -> _Child | None:
        if isinstance(node, yaml.SequenceNode) and isinstance(step, int) and step < len(node.value):
            child = node.value[step]
            return self._told(child, child.start_mark)
        if not isinstance(node, yaml.MappingNode):
            return None
        for key, value in reversed(node.value):
            if isinstance(key, yaml.ScalarNode) and key.tag != MERGE and key.value == step:
                return self._told(value, key.start_mark)
        merge = next((key.start_mark for key, _ in node.value if key.tag == MERGE), None)
        for source in _merged(node):
            if merge is not None and (found := self._child(source, step)) is not None:
                return _Child(found.node, merge, merge)
        return None

    def _told(self, node: yaml.Node, mark: yaml.Mark) -> _Child:
        return _Child(node, mark, mark if id(node) in self._composed.aliases else None)


def documents(text: str, file: str) -> Iterator[Document]:
    """The documents of a stream that hold something.

    Raises:
        yaml.YAMLError: it is no YAML, or its aliases stand for too much.
    """
    constructor = _Constructor()
    for composed in compose(text, _Resolver()):
        value = constructor.construct_document(composed.node)
        if value is not None:
            yield Document(value, composed, file)
