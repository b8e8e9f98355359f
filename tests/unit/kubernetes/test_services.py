"""Services followed into the Pod. The API server is a list of recorded answers."""

from typing import Any

import msgspec

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
            ready=False,
        ),
        ServicePort(name="admin", port=81, target_port=9901, listener="unknown", ready=False),
        ServicePort(
            name="lost",
            port=82,
            target_port=None,
            target_port_name="nothing",
            listener="unresolved",
            ready=False,
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


def seen(service: dict[str, Any], *slices: dict[str, Any]) -> Any:
    """The Services of a Pod `web` (uid u1, port http 8080) where the namespace has this one."""
    pod = {
        "metadata": {"name": "web", "uid": "u1", "labels": {"app": "web"}},
        "spec": {"containers": [{"name": "c", "ports": [{"name": "http", "containerPort": 8080}]}]},
    }
    labels = {"kubernetes.io/service-name": "s"}
    api: Any = Answers(
        services=msgspec.convert({"items": [{"metadata": {"name": "s"}, "spec": service}]}, ServiceList),
        endpointslices=msgspec.convert(
            {"items": [{"metadata": {"labels": labels}, **one} for one in slices]}, EndpointSliceList
        ),
    )
    return services_of(api, msgspec.convert(pod, Pod))[0]


def slice_of(ports: list[dict[str, Any]] | None, **reference: Any) -> dict[str, Any]:
    target = {"kind": "Pod", "name": "web", **reference}
    return {"ports": ports, "endpoints": [{"conditions": {"ready": True}, "targetRef": target}]}


SELECTED = {"selector": {"app": "web"}, "ports": [{"name": "a", "port": 80}, {"name": "b", "port": 81}]}


def test_an_endpoint_without_the_port_is_not_ready_for_it() -> None:
    (service,) = seen(SELECTED, slice_of([{"name": "a", "port": 80, "protocol": "TCP"}], uid="u1"))
    assert (service.ready, [port.ready for port in service.ports]) == (True, [True, False])
    (service,) = seen(SELECTED, slice_of(None, uid="u1"))
    assert (service.ready, [port.ready for port in service.ports]) == (False, [False, False])


def test_a_service_without_a_selector_whose_slice_names_the_pod() -> None:
    spec = {"ports": [{"name": "a", "port": 80, "targetPort": 4444}]}
    port = {"name": "a", "port": 8080, "protocol": "TCP"}
    for reference in ({"uid": "u1"}, {}):
        (service,) = seen(spec, slice_of([port], **reference))
        assert (service.by_hand, service.ready) == (True, True)
        # What its targetPort says, nothing goes by.
        assert [one.target_port for one in service.ports] == [8080]
    assert seen(spec, slice_of([port], uid="u2")) == ()
    assert seen(spec, slice_of([port], name="other")) == ()
    assert seen(spec) == ()


def test_an_alias_leads_nowhere_whatever_it_selects() -> None:
    spec = {**SELECTED, "type": "ExternalName", "externalName": "x.example.com"}
    (service,) = seen(spec)
    assert (service.external_name, service.ready, service.by_hand) == ("x.example.com", None, False)
    assert {(port.target_port, port.listener) for port in service.ports} == {(None, "unknown")}
