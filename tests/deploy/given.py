"""What a value of the chart, or a component of Kustomize, changes in the rendered documents.

Owns one table: the installation (a file of values, or an overlay), a kind, a place, and what must stand there. Not here: what
must hold of every installation (`sets`, `pods`).
"""

import pathlib
import re

import sets

POD = "spec/template/spec"
ABSENT = object()
EVERY = ("Deployment", "StatefulSet", "Service", "ServiceAccount", "NetworkPolicy", "ConfigMap", "ServiceMonitor", "PodMonitor",
         "Probe", "PrometheusRule")
MONITORS = ("ServiceMonitor", "PodMonitor", "Probe", "PrometheusRule")

WANTED = [
    ("defaults", "Deployment", f"{POD}/securityContext/runAsUser", 65534),
    ("defaults", "Deployment", f"{POD}/securityContext/fsGroup", 65534),
    *[("openshift", "Deployment", f"{POD}/securityContext/{key}", ABSENT) for key in ("runAsUser", "runAsGroup", "fsGroup")],
    *[("on-openshift", "Deployment", f"{POD}/securityContext/{key}", ABSENT) for key in ("runAsUser", "runAsGroup", "fsGroup")],
    ("openshift", "Deployment", f"{POD}/securityContext/runAsNonRoot", True),
    ("openshift", "Pod", "spec/securityContext/runAsUser", ABSENT),
    ("names", "Deployment", f"{POD}/securityContext/runAsUser", 1234),
    ("names", "Deployment", f"{POD}/securityContext/runAsGroup", 65534),
    ("names", "Deployment", f"{POD}/containers/0/securityContext/seccompProfile/type", "RuntimeDefault"),
    ("names", "Deployment", f"{POD}/hostAliases/0/ip", "192.0.2.7"),
    ("names", "Deployment", f"{POD}/dnsPolicy", "None"),
    ("names", "Deployment", f"{POD}/dnsConfig/nameservers/0", "192.0.2.53"),
    ("names", "Pod", "spec/hostAliases/0/ip", "192.0.2.7"),
    ("names", "LimitRange", "metadata/name", "limits"),
    *[("names", kind, "metadata/labels/cost-centre", "4711") for kind in (*EVERY, "Pod") if kind != "StatefulSet"],
    *[("names", kind, "metadata/annotations/example.com~1owner", "messaging") for kind in (*EVERY, "Pod") if kind != "StatefulSet"],
    ("names", "Deployment", "spec/template/metadata/labels/cost-centre", "4711"),
    ("names", "Deployment", "spec/template/metadata/annotations/example.com~1owner", "messaging"),
    *[("names", kind, "metadata/namespace", "monitoring") for kind in MONITORS],
    *[("names", kind, "metadata/annotations/example.com~1team", "mail") for kind in MONITORS],
    *[("names", kind, "spec/namespaceSelector/matchNames/0", "mail") for kind in ("ServiceMonitor", "PodMonitor")],
    ("names", "ServiceMonitor", "metadata/labels/release", "prometheus"),
    ("names", "PrometheusRule", "metadata/labels/role", "alerts"),
    ("shards", "StatefulSet", "spec/volumeClaimTemplates/0/kind", "PersistentVolumeClaim"),
    ("shards", "StatefulSet", "spec/volumeClaimTemplates/0/apiVersion", "v1"),
]


def find(document, pointer: str):
    """What stands at a place, or ABSENT."""
    for key in pointer.split("/"):
        key = key.replace("~1", "/")
        try:
            document = document[int(key)] if isinstance(document, list) else document[key]
        except (KeyError, IndexError, TypeError):
            return ABSENT
    return document


def faults(installations: dict[str, list[dict]]) -> list[str]:
    """Every place at which something else stands, in each rendering of an installation."""
    found = []
    for name, kind, pointer, value in WANTED:
        rendered = {file: documents for file, documents in installations.items() if _name(file) == name}
        if not rendered:
            found.append(f"nothing is rendered of {name}")
        for file, documents in rendered.items():
            seen = [find(document, pointer) for document in sets.named(documents, kind)]
            if value not in seen or (value is ABSENT and set(map(id, seen)) != {id(ABSENT)}):
                shown = "nothing" if value is ABSENT else value
                found.append(f"{file}: {kind} {pointer} is {seen}, not {shown}")
    return found


def _name(file: str) -> str:
    return re.sub(r"^(helm|kustomize)-[01]-", "", pathlib.Path(file).stem)
