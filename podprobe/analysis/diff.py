"""What differs between two snapshots, and which of several replicas differs from its siblings."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING, Any, Literal

import msgspec

from podprobe.analysis.facts import Facts, Subject, facts
from podprobe.analysis.facts.areas import AREAS
from podprobe.model import Model

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from podprobe.model import Snapshot

_ORDER = {area.name: place for place, area in enumerate(AREAS)}
Scalar = str | int | float | bool | None


class Change(Model, frozen=True, kw_only=True):
    """One difference. `before` and `after` are as in the snapshot; lists are JSON."""

    kind: Literal["appeared", "went", "changed"]
    area: str
    subject: str
    field: str | None = None
    before: Scalar = None
    after: Scalar = None


class Difference(Model, frozen=True, kw_only=True):
    """All differences of two snapshots."""

    changes: tuple[Change, ...] = ()
    """What somebody should know of."""
    noise: tuple[Change, ...] = ()
    """Counters, times, process ids, fill levels: what differs between any two looks."""


class Oddity(Model, frozen=True, kw_only=True):
    """A replica that differs from the majority of its siblings in one thing."""

    replica: str
    area: str
    subject: str
    field: str | None = None
    """`None`: the subject itself is there, or is not."""
    here: Scalar
    """With `field` `None`: whether it is there."""
    elsewhere: Scalar
    siblings: int
    """How many replicas have it as in `elsewhere`."""


def diff(before: Snapshot, after: Snapshot) -> Difference:
    """What differs: findings, which judge, come first; then area by area in the snapshot's order."""
    old, new = facts(before), facts(after)
    changes: list[Change] = []
    noise: list[Change] = []
    for subject in sorted(dict.fromkeys((*old.firm, *new.firm)), key=lambda subject: _ORDER[subject.area]):
        fleeting = subject in old.fleeting or subject in new.fleeting
        firm = noise if fleeting else changes
        if subject not in new.firm:
            firm.append(_presence("went", subject))
        elif subject not in old.firm:
            firm.append(_presence("appeared", subject))
        else:
            firm.extend(_changed(subject, old.firm[subject], new.firm[subject]))
            noise.extend(_changed(subject, old.noise[subject], new.noise[subject]))
    return Difference(changes=tuple(changes), noise=tuple(noise))


def odd_ones(replicas: Mapping[str, Snapshot]) -> tuple[Oddity, ...]:
    """Replicas that differ from what more than half of all replicas have, worst replica first.

    Args:
        replicas: snapshots by the name to call them. Of fewer than three there is no majority: the result is empty.
    """
    if len(replicas) < 3:
        return ()
    known = {name: facts(snapshot) for name, snapshot in replicas.items()}
    found = [*_odd_subjects(known), *_odd_fields(known)]
    how_odd = Counter(oddity.replica for oddity in found)
    return tuple(sorted(found, key=lambda oddity: (-how_odd[oddity.replica], oddity.replica)))


def _odd_subjects(known: Mapping[str, Facts]) -> Iterator[Oddity]:
    for subject in _subjects(known):
        there = {name: subject in found.firm for name, found in known.items()}
        yield from _against_majority(subject, None, there)


def _odd_fields(known: Mapping[str, Facts]) -> Iterator[Oddity]:
    for subject in _subjects(known):
        having = {name: found.firm[subject] for name, found in known.items() if subject in found.firm}
        if len(having) * 2 <= len(known):
            continue
        for key in dict.fromkeys(key for fields in having.values() for key in fields):
            values = {name: _scalar(fields.get(key)) for name, fields in having.items()}
            yield from _against_majority(subject, key, values)


def _against_majority(subject: Subject, key: str | None, values: Mapping[str, Scalar]) -> Iterator[Oddity]:
    common, count = Counter(values.values()).most_common(1)[0]
    if count * 2 <= len(values):
        return
    for name, value in values.items():
        if value != common:
            yield Oddity(
                replica=name,
                area=subject.area,
                subject=subject.name,
                field=key,
                here=value,
                elsewhere=common,
                siblings=count,
            )


def _subjects(known: Mapping[str, Facts]) -> list[Subject]:
    fleeting = frozenset[Subject]().union(*(found.fleeting for found in known.values()))
    every = dict.fromkeys(subject for found in known.values() for subject in found.firm)
    return [subject for subject in every if subject not in fleeting]


def _presence(kind: Literal["appeared", "went"], subject: Subject) -> Change:
    return Change(kind=kind, area=subject.area, subject=subject.name)


def _changed(subject: Subject, old: Mapping[str, Any], new: Mapping[str, Any]) -> Iterator[Change]:
    for key in dict.fromkeys([*old, *new]):
        before, after = old.get(key), new.get(key)
        if before != after:
            yield Change(
                kind="changed",
                area=subject.area,
                subject=subject.name,
                field=key,
                before=_scalar(before),
                after=_scalar(after),
            )


def _scalar(value: Any) -> Scalar:
    if value is None or isinstance(value, str | int | float | bool):
        return value
    return msgspec.json.encode(value).decode()
