"""YAML's nodes from its events: with every alias where it stands, every key that stands twice, and bounds.

PyYAML's own composer hands out the anchor's node for an alias, keeps no word of keys that are there twice, and lets ten
lines of aliases stand for a billion nodes.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple, cast

import yaml
from yaml.composer import ComposerError

if TYPE_CHECKING:
    from collections.abc import Iterator

MERGE = "tag:yaml.org,2002:merge"
_PARSER = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
"""libyaml where PyYAML was built with it: ten times as fast."""
_DEEPEST = 200
_MOST_BORROWED = 100_000
"""Nodes that the aliases of a document may stand for, or ten for each that is written, whichever is more."""
_BORROWED_FOR_EACH = 10


class Repeated(NamedTuple):
    """A key that a mapping has already."""

    key: str
    mark: yaml.Mark
    first: yaml.Mark


class Composed(NamedTuple):
    """One document."""

    node: yaml.Node
    aliases: frozenset[int]
    """The `id` of every node that stands for an alias: its own marks are the alias's, those below it the anchor's."""
    repeated: tuple[Repeated, ...]


def compose(text: str, resolver: Any) -> Iterator[Composed]:
    """The documents of a stream.

    Args:
        text: the stream.
        resolver: a PyYAML resolver, which tells the types of plain scalars.

    Raises:
        yaml.YAMLError: it is no YAML, or goes beyond the bounds.
    """
    events = yaml.parse(text, Loader=_PARSER)
    for event in events:
        if isinstance(event, yaml.DocumentStartEvent):
            yield _Composer(events, resolver).document()


class _Composer:
    def __init__(self, events: Iterator[yaml.Event], resolver: Any) -> None:
        self._events = events
        self._resolver = resolver
        self._anchors: dict[str, tuple[yaml.Node | None, int]] = {}
        """What each stands for, once it is complete, and how many nodes that are."""
        self._aliases: dict[int, yaml.Node] = {}
        self._repeated: list[Repeated] = []
        self._written = 0
        self._borrowed = 0

    def document(self) -> Composed:
        node = self._node(next(self._events), 0)
        next(self._events)  # the document's end
        return Composed(node, frozenset(self._aliases), tuple(self._repeated))

    def _node(self, event: yaml.Event, depth: int) -> yaml.Node:
        if isinstance(event, yaml.AliasEvent):
            return self._alias(event)
        if depth > _DEEPEST:
            raise ComposerError(None, None, f"it is more than {_DEEPEST} levels deep", _start(event))
        anchor = event.anchor if isinstance(event, yaml.NodeEvent) else None
        if anchor is not None:
            self._anchors[anchor] = (None, 0)
        before = self._written + self._borrowed
        self._written += 1
        node = self._made(event, depth)
        if anchor is not None:
            self._anchors[anchor] = (node, self._written + self._borrowed - before)
        return node

    def _made(self, event: yaml.Event, depth: int) -> yaml.Node:
        start = _start(event)
        if isinstance(event, yaml.ScalarEvent):
            tag = self._tag(event.tag, yaml.ScalarNode, event.value, event.implicit)
            return yaml.ScalarNode(tag, event.value, start, start)
        if isinstance(event, yaml.SequenceStartEvent):
            items: list[yaml.Node] = []
            while not isinstance(inner := next(self._events), yaml.SequenceEndEvent):
                items.append(self._node(inner, depth + 1))
            return yaml.SequenceNode(self._tag(event.tag, yaml.SequenceNode), items, start, start)
        assert isinstance(event, yaml.MappingStartEvent)
        pairs: list[tuple[yaml.Node, yaml.Node]] = []
        seen: dict[str, yaml.Mark] = {}
        while not isinstance(inner := next(self._events), yaml.MappingEndEvent):
            key = self._node(inner, depth + 1)
            if isinstance(key, yaml.ScalarNode) and key.tag != MERGE:
                mark = _start(inner)
                first = seen.setdefault(key.value, mark)
                if first is not mark:
                    self._repeated.append(Repeated(key.value, mark, first))
            pairs.append((key, self._node(next(self._events), depth + 1)))
        return yaml.MappingNode(self._tag(event.tag, yaml.MappingNode), pairs, start, start)

    def _tag(
        self,
        tag: str | None,
        kind: type[yaml.Node],
        value: str | None = None,
        implicit: tuple[bool, bool] = (True, False),
    ) -> str:
        if tag is not None and tag != "!":
            return tag
        resolved: str = self._resolver.resolve(kind, value, implicit)
        return resolved

    def _alias(self, event: yaml.AliasEvent) -> yaml.Node:
        name, mark = event.anchor, _start(event)
        if name not in self._anchors:
            raise ComposerError(None, None, f"the alias *{name} has no anchor", mark)
        node, size = self._anchors[name]
        if node is None:
            raise ComposerError(None, None, f"the alias *{name} is inside its own anchor", mark)
        self._borrowed += size
        most = max(_MOST_BORROWED, _BORROWED_FOR_EACH * self._written)
        if self._borrowed > most:
            raise ComposerError(None, None, f"its aliases stand for more than {most:,} nodes", mark)
        copy = type(node)(node.tag, node.value, mark, mark)
        self._aliases[id(copy)] = copy
        return copy


def _start(event: yaml.Event) -> yaml.Mark:
    return cast(
        "yaml.Mark", event.start_mark
    )  # libyaml's marks are of a class of their own, with the same fields
