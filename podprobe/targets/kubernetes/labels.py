"""Label selectors: whether they match, and what they say in words."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping

    from podprobe.targets.kubernetes.objects import Selector, SelectorRequirement


def matches(selector: Selector | None, labels: Mapping[str, str]) -> bool | None:
    """Whether all of the selector holds for the labels; an empty one holds for any.

    `None` where that turns on an operator that is not known here.
    """
    if selector is None:
        return True
    if any(labels.get(key) != value for key, value in (selector.match_labels or {}).items()):
        return False
    met = [_met(one, labels) for one in selector.match_expressions or ()]
    return False if False in met else None if None in met else True


def _met(requirement: SelectorRequirement, labels: Mapping[str, str]) -> bool | None:
    there, values = requirement.key in labels, requirement.values or ()
    match requirement.operator:
        case "In":
            return there and labels[requirement.key] in values
        case "NotIn":
            # A label that is not there has none of the values.
            return not there or labels[requirement.key] not in values
        case "Exists":
            return there
        case "DoesNotExist":
            return not there
        case _:
            return None


def words(selector: Selector) -> str:
    """`app=web, tier in (a, b), no legacy`; empty where the selector is."""
    parts = [f"{key}={value}" for key, value in (selector.match_labels or {}).items()]
    for one in selector.match_expressions or ():
        values = ", ".join(one.values or ())
        said = {
            "In": f"{one.key} in ({values})",
            "NotIn": f"{one.key} not in ({values})",
            "Exists": f"any {one.key}",
            "DoesNotExist": f"no {one.key}",
        }
        parts.append(said.get(one.operator, f"{one.key} {one.operator} ({values})"))
    return ", ".join(parts)
