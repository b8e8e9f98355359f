"""Which permissions are needed, by the server's version."""

import pytest

from podprobe.targets.kubernetes.permissions import permissions, server_version


@pytest.mark.parametrize(
    ("version", "needed"),
    [("v1.34.2", False), ("v1.35.0-rc.1", True), ("1.36+", True), ("v2.0", True), ("unknown", True)],
)
def test_create_of_exec_is_needed_only_where_it_is_asked_for(version: str, needed: bool) -> None:
    (create,) = (
        one
        for one in permissions("shop", server_version(version))
        if one.ask.resource == "pods/exec" and one.ask.verb == "create"
    )
    assert create.needed is needed
