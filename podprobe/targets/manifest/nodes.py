"""YAML with its marks: values to work with, and the lines that they stand on."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import yaml

if TYPE_CHECKING:
    from collections.abc import Iterator


class _Loader(yaml.SafeLoader):
    """As Kubernetes reads YAML: a timestamp is text."""


_Loader.yaml_implicit_resolvers = {
    first: [(tag, pattern) for tag, pattern in resolvers if tag != "tag:yaml.org,2002:timestamp"]
    for first, resolvers in yaml.SafeLoader.yaml_implicit_resolvers.items()
}


class Document:
    """One YAML document.

    Args:
        value: what it holds.
        node: the same, with marks.
    """

    def __init__(self, value: Any, node: yaml.Node) -> None:
        self.value = value
        self.node = node

    def line(self, *path: str | int) -> tuple[int, int]:
        """Line and column (from 1) of what the path leads to, or of the last step that is there.

        Of a key the key's own place is told, of an item of a list the item's.
        """
        node, mark = self.node, self.node.start_mark
        for step in path:
            found = _child(node, step)
            if found is None:
                break
            node, mark = found
        return mark.line + 1, mark.column + 1

    def at(self, *path: str | int) -> Document:
        """A part of the document as one of its own.

        Raises:
            KeyError, IndexError: there is no such part.
        """
        value, node = self.value, self.node
        for step in path:
            value = value[step]
            found = _child(node, step)
            if found is None:
                raise KeyError(step)
            node = found[0]
        return Document(value, node)


def _child(node: yaml.Node, step: str | int) -> tuple[yaml.Node, yaml.Mark] | None:
    if isinstance(node, yaml.MappingNode):
        for key, value in node.value:
            if isinstance(key, yaml.ScalarNode) and key.value == step:
                return value, key.start_mark
    if isinstance(node, yaml.SequenceNode) and isinstance(step, int) and step < len(node.value):
        return node.value[step], node.value[step].start_mark
    return None


def documents(text: str) -> Iterator[Document]:
    """The documents of a stream that hold something.

    Raises:
        yaml.YAMLError: it is no YAML.
    """
    loader = _Loader(text)
    try:
        while loader.check_node():
            node = loader.get_node()
            if node is not None:
                value = loader.construct_document(node)
                if value is not None:
                    yield Document(value, node)
    finally:
        loader.dispose()
