"""Services followed into the Pod. The API server is a list of recorded answers."""

from typing import Any

from podprobe.model import ServicePort
from podprobe.targets.kubernetes.failures import ApiAccessError
from podprobe.targets.kubernetes.objects import EndpointSliceList, Pod, ServiceList
from podprobe.targets.kubernetes.services import services_of
from tests.unit.kubernetes.recorded import load


class Answers:
    """Answers by resource; an exception is raised."""

    def __init__(self, **by_resource: Any) -> None:
        self.by_resource = by_resource

    def recently(self, ask: Any, kind: Any) -> Any:
        answer = self.by_resource[ask.resource]
        if isinstance(answer, Exception):
            raise answer
        return answer


def test_ports_are_followed() -> None:
    api: Any = Answers(
        services=load("services", ServiceList), endpointslices=load("endpointslices", EndpointSliceList)
    )
    (service,), notes = services_of(api, load("rich", Pod))
    assert not notes
    assert (service.name, service.type, service.ready) == ("rich", "ClusterIP", False)
    assert service.ports == (
        ServicePort(
            name="http",
            port=80,
            target_port=8080,
            target_port_name="http",
            listener="unknown",
            container="web",
        ),
        ServicePort(name="admin", port=81, target_port=9901, listener="unknown"),
        ServicePort(
            name="lost", port=82, target_port=None, target_port_name="nothing", listener="unresolved"
        ),
    )


def test_without_permission_it_is_a_note() -> None:
    denied = ApiAccessError("you may not list services", status=403)
    api: Any = Answers(services=denied)
    services, (note,) = services_of(api, load("rich", Pod))
    assert services == ()
    assert (note.area, note.level, note.allow) == ("services", "none", "permission to list services")


def test_without_endpoints_readiness_is_unknown() -> None:
    denied = ApiAccessError("you may not list endpointslices", status=403)
    api: Any = Answers(services=load("services", ServiceList), endpointslices=denied)
    (service,), (note,) = services_of(api, load("rich", Pod))
    assert service.ready is None
    assert note.level == "partial"
