"""What Kubernetes itself costs: an ephemeral container and one exec of `true` in each of many Pods.

A process of its own with the Kubernetes client alone, nothing of podprobe's in it: what `podprobe snapshot -l` takes
beyond this is podprobe's.

    python -m tests.bench.floor NAMESPACE SELECTOR IMAGE PARALLEL
"""

from __future__ import annotations

import sys
from concurrent.futures import ThreadPoolExecutor
from functools import partial

from kubernetes import client, config, watch
from kubernetes.stream import stream

NAME = "floor"
_SECONDS = 120


def main(namespace: str, selector: str, image: str, parallel: int) -> None:
    """All Pods, `parallel` at a time."""
    config.load_kube_config()
    api = client.CoreV1Api()
    pods = [pod.metadata.name for pod in api.list_namespaced_pod(namespace, label_selector=selector).items]
    with ThreadPoolExecutor(parallel) as pool:
        for _ in pool.map(partial(_one, api, namespace, image), pods):
            pass


def _one(api: client.CoreV1Api, namespace: str, image: str, pod: str) -> None:
    container = {
        "name": NAME, "image": image, "imagePullPolicy": "IfNotPresent", "command": ["sleep", "600"],
    }  # fmt: skip
    patched = api.patch_namespaced_pod_ephemeralcontainers(
        pod, namespace, {"spec": {"ephemeralContainers": [container]}}
    )
    watching = watch.Watch()
    events = watching.stream(
        api.list_namespaced_pod, namespace, field_selector=f"metadata.name={pod}",
        resource_version=patched.metadata.resource_version, timeout_seconds=_SECONDS,
    )  # fmt: skip
    for event in events:
        statuses = event["object"].status.ephemeral_container_statuses or ()
        if any(one.name == NAME and one.state.running for one in statuses):
            watching.stop()
            break
    else:
        raise TimeoutError(f"the container in {pod} did not start within {_SECONDS} s")
    # `stream` turns the client that it is given into one of websockets, for every thread.
    own = client.CoreV1Api(client.ApiClient())
    stream(
        own.connect_get_namespaced_pod_exec,
        pod,
        namespace,
        container=NAME,
        command=["true"],
        stdout=True,
        stderr=True,
    )


if __name__ == "__main__":
    main(sys.argv[1], sys.argv[2], sys.argv[3], int(sys.argv[4]))
