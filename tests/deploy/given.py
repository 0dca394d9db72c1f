"""What a value of the chart, or a component of Kustomize, changes in the rendered documents.

Owns one table: the installation (a file of values, or an overlay of Kustomize), a kind, a place, and what must stand there. Not here: what
must hold of every installation (`sets`, `pods`).
"""

import pathlib
import re

import sets

POD = "spec/template/spec"
# A place in an alert begins with its name.
FIRST = "alerts/MailboxCredentialRefused"
WIKI = "https://wiki.example.com/mail/deploy/prometheus/README.md#mailboxcredentialrefused"
ABSENT = object()
EVERY = ("Deployment", "StatefulSet", "Service", "ServiceAccount", "NetworkPolicy", "ConfigMap", "ServiceMonitor", "PodMonitor",
         "Probe", "PrometheusRule", "AlertmanagerConfig", "GrafanaDashboard")
MONITORS = ("ServiceMonitor", "PodMonitor", "Probe", "PrometheusRule", "AlertmanagerConfig")

WANTED = [
    ("defaults", "Deployment", f"{POD}/securityContext/runAsUser", 65534),
    ("defaults", "Deployment", f"{POD}/securityContext/fsGroup", 65534),
    *[("openshift", "Deployment", f"{POD}/securityContext/{key}", ABSENT) for key in ("runAsUser", "runAsGroup", "fsGroup")],
    *[("overlay:on-openshift", "Deployment", f"{POD}/securityContext/{key}", ABSENT) for key in ("runAsUser", "runAsGroup", "fsGroup")],
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
    *[(name, "PrometheusRule", f"{FIRST}/annotations/runbook_url", WIKI) for name in ("rules", "overlay:runbooks")],
    ("rules", "PrometheusRule", f"{FIRST}/labels/team", "post"),
    ("rules", "PrometheusRule", f"{FIRST}/labels/severity", "critical"),
    ("rules", "PrometheusRule", "alerts/MailboxTlsIntercepted/labels/severity", "info"),
    ("rules", "PrometheusRule", "alerts/MailboxThrottled", ABSENT),
    ("everything", "PrometheusRule", "alerts/MailboxThrottled/labels/severity", "critical"),
    ("names", "ConfigMap", "data/calendar.yaml", "dates: []\n"),
    ("everything", "Job", "metadata/annotations/helm.sh~1hook", "pre-upgrade"),
    ("everything", "Job", "spec/template/spec/containers/0/args", ["validate", "--config", "/etc/mailbox-exporter/config.yaml"]),
    ("everything", "Job", "spec/template/spec/volumes/0/projected/sources/0/configMap/name", "mail-next"),
    ("everything", "ConfigMap", "metadata/annotations/helm.sh~1hook-weight", "-1"),
    ("own", "Job", "spec/template/spec/volumes/0/projected/sources/0/configMap/name", "mail-config"),
    ("own-keys", "Job", "metadata/name", ABSENT),
    ("everything", "Pod", "spec/volumes/0/secret/items", [{"key": "contoso", "path": "contoso"}]),
    ("everything", "Pod", "spec/volumes/0/secret/optional", False),
    ("everything", "Pod", "spec/activeDeadlineSeconds", 60),
    ("defaults", "Pod", "spec/volumes/0/secret/items", [{"key": "contoso", "path": "contoso"}]),
    ("own", "Pod", "spec/volumes/0/secret/secretName", "mail-secrets"),
    ("more", "ServiceAccount", "imagePullSecrets/0/name", "registry"),
    ("more", "Deployment", "metadata/annotations/example.com~1tier", "2"),
    ("more", "Deployment", "spec/revisionHistoryLimit", 1),
    ("more", "Deployment", f"{POD}/terminationGracePeriodSeconds", 30),
    ("more", "Deployment", f"{POD}/initContainers/0/name", "fetch"),
    ("more", "Deployment", f"{POD}/containers/1/name", "login"),
    ("more", "Deployment", f"{POD}/containers/0/livenessProbe/failureThreshold", 6),
    ("more", "Deployment", f"{POD}/containers/0/livenessProbe/periodSeconds", 10),
    ("more", "PersistentVolumeClaim", "spec/accessModes", ["ReadWriteOncePod"]),
    ("more", "PersistentVolumeClaim", "metadata/annotations/example.com~1backup", "no"),
    ("more", "PersistentVolumeClaim", "metadata/annotations/helm.sh~1resource-policy", ABSENT),
    ("everything", "PersistentVolumeClaim", "metadata/annotations/helm.sh~1resource-policy", "keep"),
    ("more", "Service", "spec/ports/0/nodePort", 30993),
    ("more", "Service", "spec/loadBalancerSourceRanges", ["192.0.2.0/24"]),
    ("more", "Service", "spec/ipFamilyPolicy", "PreferDualStack"),
    ("more", "Ingress", "spec/rules/0/host", "mail-check.contoso.example"),
    ("more", "Ingress", "spec/rules/0/http/paths/0/backend/service/name", "release-mailbox-exporter"),
    ("more", "HTTPRoute", "spec/parentRefs/0/sectionName", "https"),
    ("more", "HTTPRoute", "spec/hostnames", ["mail-check.contoso.example"]),
    ("more", "HTTPRoute", "metadata/annotations/example.com~1owner", "messaging"),
    ("everything", "AlertmanagerConfig", "metadata/labels/alertmanager", "main"),
    ("everything", "AlertmanagerConfig", "spec/inhibitRules/0/sourceMatch/1/value", "critical"),
    ("overlay:one", "AlertmanagerConfig", "metadata/name", "mailbox-exporter"),
    ("defaults", "AlertmanagerConfig", "metadata/name", ABSENT),
    ("everything", "GrafanaDashboard", "spec/instanceSelector/matchLabels/dashboards", "mail"),
    ("everything", "GrafanaDashboard", "spec/folder", "Mail"),
    ("names", "GrafanaDashboard", "metadata/namespace", "grafana"),
    ("names", "GrafanaDashboard", "spec/instanceSelector/matchLabels/dashboards", "grafana"),
    ("everything", "Pod", "spec/containers/0/args", ["validate", "--state", "--config", "/etc/mailbox-exporter/config.yaml"]),
    ("everything", "Pod", "metadata/name", "mail-state"),
    ("openshift", "Pod", "spec/volumes/2/persistentVolumeClaim/claimName", "mail-state"),
    *[("shards", "Pod", "metadata/name", f"release-mailbox-exporter-state-{shard}") for shard in range(3)],
    ("shards", "Pod", "spec/volumes/3/persistentVolumeClaim/claimName", "state-release-mailbox-exporter-2"),
    ("more", "NetworkPolicy", "spec/egress/1/ports/4/port", 3128),
    ("more", "NetworkPolicy", "metadata/annotations/example.com~1owner", "network"),
    ("more", "ServiceMonitor", "spec/jobLabel", "app.kubernetes.io/name"),
    ("more", "ServiceMonitor", "spec/sampleLimit", 50000),
    ("more", "ServiceMonitor", "spec/endpoints/0/relabelings", ABSENT),
    ("two-shards", "PodDisruptionBudget", "metadata/name", ABSENT),
    ("shards", "PodDisruptionBudget", "spec/maxUnavailable", 1),
    ("overlay:sharded", "PodDisruptionBudget", "spec/maxUnavailable", 1),
    ("two-shards", "StatefulSet", "spec/persistentVolumeClaimRetentionPolicy/whenScaled", "Delete"),
    ("shards", "StatefulSet", "spec/persistentVolumeClaimRetentionPolicy", ABSENT),
    ("own-keys", "ServiceMonitor", "spec/endpoints/0/interval", "2m"),
    ("own-keys", "ServiceMonitor", "spec/endpoints/0/relabelings/0/replacement", "release-mailbox-exporter"),
    ("own-keys", "ServiceMonitor", "spec/endpoints/0/relabelings/1/replacement", "oslo"),
    ("own-keys", "PodMonitor", "spec/podMetricsEndpoints/0/scrapeTimeout", "7s"),
    ("own-keys", "Probe", "spec/interval", "9m"),
    ("everything", "Probe", "spec/tlsConfig/insecureSkipVerify", True),
    ("two-shards", "ServiceMonitor", "spec/endpoints/0/relabelings/0/replacement", "release-mailbox-exporter"),
    ("two-shards", "Service", "metadata/name", "release-mailbox-exporter-shards"),
    ("shards", "StatefulSet", "spec/volumeClaimTemplates/0/kind", "PersistentVolumeClaim"),
    ("shards", "StatefulSet", "spec/volumeClaimTemplates/0/apiVersion", "v1"),
]


def find(document, pointer: str):
    """What stands at a place, or ABSENT."""
    if pointer.startswith("alerts/"):
        rules = [rule for group in document["spec"]["groups"] for rule in group["rules"]]
        document = {"alerts": {rule["alert"]: rule for rule in rules if "alert" in rule}}
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
            if any(one is not ABSENT for one in seen) if value is ABSENT else value not in seen:
                shown = "nothing" if value is ABSENT else value
                found.append(f"{file}: {kind} {pointer} is {seen}, not {shown}")
    return found


def _name(file: str) -> str:
    return re.sub(r"^helm-[01]-", "", re.sub(r"^kustomize-[01]-", "overlay:", pathlib.Path(file).stem))
