"""What must hold between the documents of one installation: what names something else names what exists.

Owns the relations: selectors, ports, names, shards, the network policy, alerts and dashboards as their sources have them.
"""

import json
import pathlib

import yaml

import pods

TOP = pathlib.Path(__file__).resolve().parent.parent.parent
# DNS, as everywhere and as on OpenShift; identity providers, IMAP, submission, POP3.
EGRESS = {("UDP", 53), ("TCP", 53), ("UDP", 5353), ("TCP", 5353), ("TCP", 443), ("TCP", 993), ("TCP", 587), ("TCP", 995)}


def named(documents: list[dict], *kinds: str) -> list[dict]:
    return [document for document in documents if document["kind"] in kinds]


def selects(selector: dict, labels: dict) -> bool:
    return bool(selector) and all(labels.get(key) == value for key, value in selector.items())


def faults(documents: list[dict]) -> list[str]:
    """What is wrong with one installation; empty where nothing is."""
    found = []

    def must(holds, complaint: str) -> None:
        if not holds:
            found.append(complaint)

    identities = [(d["kind"], d["metadata"].get("namespace"), d["metadata"]["name"]) for d in documents]
    must(len(identities) == len(set(identities)), "two documents have one name")
    workloads = named(documents, "Deployment", "StatefulSet")
    if len(workloads) != 1:
        return [*found, f"{len(workloads)} workloads instead of one"]
    (workload,) = workloads
    metadata, spec = pods.template(workload)
    container = next(one for one in spec["containers"] if one["name"] == "mailbox-exporter")
    ports = {port["name"]: port["containerPort"] for port in container["ports"]}
    labels = metadata["labels"]

    for probe, path in (("livenessProbe", "/-/healthy"), ("readinessProbe", "/-/ready")):
        asked = container.get(probe, {})
        must("tcpSocket" in asked or asked.get("httpGet", {}).get("path") == path, f"{probe} does not ask {path}")
    must(selects(workload["spec"]["selector"]["matchLabels"], labels), "the workload does not select its own pods")
    (service,) = named(documents, "Service")
    must(selects(service["spec"]["selector"], labels), "the Service selects no pod")
    for port in service["spec"]["ports"]:
        must(port["targetPort"] in ports, f"the Service leads to port {port['targetPort']}, which does not exist")
    for monitor in named(documents, "ServiceMonitor"):
        must(selects(monitor["spec"]["selector"]["matchLabels"], service["metadata"]["labels"]), "nothing is monitored")
        names = {port["name"] for port in service["spec"]["ports"]}
        must({end["port"] for end in monitor["spec"]["endpoints"]} <= names, "a port of no Service is monitored")
    for monitor in named(documents, "PodMonitor"):
        must(selects(monitor["spec"]["selector"]["matchLabels"], labels), "no pod is monitored")
        must({end["port"] for end in monitor["spec"]["podMetricsEndpoints"]} <= set(ports), "no port is monitored")
    # None where the kubelet only looks whether the port is open.
    asked = container.get("readinessProbe", {}).get("httpGet")
    spoken = asked and asked.get("scheme", "HTTP")
    for monitor in named(documents, "ServiceMonitor", "PodMonitor"):
        for end in monitor["spec"].get("endpoints") or monitor["spec"]["podMetricsEndpoints"]:
            must(not spoken or end.get("scheme", "http").upper() == spoken, "scraped by another scheme than the kubelet's")
    annotations = metadata.get("annotations", {})
    if spoken and "prometheus.io/scrape" in annotations:
        scheme = annotations.get("prometheus.io/scheme", "http").upper()
        must(scheme == spoken, "annotated with another scheme than the kubelet's")
    backends = {(ref["name"], ref["port"])
                for route in named(documents, "HTTPRoute") for rule in route["spec"]["rules"] for ref in rule["backendRefs"]}
    served = {(service["metadata"]["name"], port["port"]) for port in service["spec"]["ports"]}
    must(backends <= served, f"routed to {backends - served}, which no Service has")
    for policy in named(documents, "NetworkPolicy"):
        must(selects(policy["spec"]["podSelector"].get("matchLabels", {}), labels), "the policy covers no pod, or all")
        must(set(policy["spec"]["policyTypes"]) == {"Ingress", "Egress"}, "the policy leaves a direction open")
        allowed = {(p["protocol"], p["port"]) for rule in policy["spec"]["egress"] for p in rule.get("ports", [])}
        must(EGRESS <= allowed, f"the policy forbids {EGRESS - allowed}")
        must(all(rule.get("ports") for rule in policy["spec"]["egress"]), "the policy allows every port")
        ingress = {p["port"] for rule in policy["spec"]["ingress"] for p in rule.get("ports", [])}
        must(ingress == {9993} == set(ports.values()), "the policy lets in at another port than the exporter's")
    for pod in named(documents, "Pod"):
        must(not selects(service["spec"]["selector"], pod["metadata"]["labels"]), "the Service selects the test's pod")

    found += configured(documents, spec) + shards(documents, workload, service, container) + carried(documents)
    return found


def configured(documents: list[dict], spec: dict) -> list[str]:
    """ConfigMaps, accounts and claims that belong to the installation are mounted under the name they have."""
    found = []
    # What a hook makes is another pod's.
    lasting = [d for d in named(documents, "ConfigMap") if "helm.sh/hook" not in d["metadata"].get("annotations", {})]
    maps = {d["metadata"]["name"] for d in lasting if "config.yaml" in d.get("data", {})}
    mounted, claimed = set(), set()
    for volume in spec["volumes"]:
        sources = volume.get("projected", {}).get("sources", [volume])
        mounted |= {source["configMap"]["name"] for source in sources if "configMap" in source}
        claimed |= {volume.get("persistentVolumeClaim", {}).get("claimName")}
    if not maps <= mounted:
        found.append(f"the configuration {maps - mounted} is not mounted")
    if not {d["metadata"]["name"] for d in named(documents, "PersistentVolumeClaim")} <= claimed:
        found.append("a claim is not mounted")
    accounts = {d["metadata"]["name"] for d in named(documents, "ServiceAccount")}
    if accounts and spec["serviceAccountName"] not in accounts:
        found.append(f"the account {spec['serviceAccountName']} does not exist")
    found += [f"{d['metadata']['name']} mounts its token" for d in named(documents, "ServiceAccount")
              if d.get("automountServiceAccountToken") is not False]
    return found


def shards(documents: list[dict], workload: dict, service: dict, container: dict) -> list[str]:
    """One pod a shard; as many shards as pods; each knows which it is."""
    count = workload["spec"]["replicas"]
    env = {variable["name"]: variable.get("value") for variable in container.get("env", [])}
    budgets = named(documents, "PodDisruptionBudget")
    sharded = "--shard" in container["args"]
    if workload["kind"] == "Deployment":
        rules = {
            "more than one process without shards": count == 1,
            "two processes at once during an update": workload["spec"].get("strategy") == {"type": "Recreate"},
            "shards without a StatefulSet": not sharded and "MAILBOX_EXPORTER_SHARDS" not in env,
            "a budget of one pod": not budgets,
        }
    else:
        labels = workload["spec"]["template"]["metadata"]["labels"]
        args = container["args"]
        rules = {
            "one shard": count > 1,
            "no --shard auto": sharded and args[args.index("--shard") + 1] == "auto",
            "pods and shards differ in number": env.get("MAILBOX_EXPORTER_SHARDS") == str(count),
            "the Service is not headless": service["spec"].get("clusterIP") == "None",
            "the Service is not the StatefulSet's": workload["spec"]["serviceName"] == service["metadata"]["name"],
            "a claim template without apiVersion and kind, which differs for ever to Argo CD":
                all(claim.get("apiVersion") and claim.get("kind") for claim in workload["spec"].get("volumeClaimTemplates", [])),
            "a budget that selects no pod":
                all(selects(budget["spec"]["selector"]["matchLabels"], labels) for budget in budgets),
            "a drain may take more than one shard at a time":
                all(budget["spec"].get("maxUnavailable") == 1 for budget in budgets),
        }
    return [complaint for complaint, holds in rules.items() if not holds]


def fires(spec: dict) -> list[tuple]:
    """When each rule fires, whatever is said of it; without the alert that an installation of the test does without."""
    rules = [rule for group in spec["groups"] for rule in group["rules"]]
    return [(r.get("alert", r.get("record")), r["expr"], r.get("for")) for r in rules if r.get("alert") != "MailboxThrottled"]


def _inhibition(rule: dict) -> dict:
    """A rule of an AlertmanagerConfig in the Alertmanager's own words."""
    def told(matchers: list) -> list:
        return [f'{one["name"]}{one["matchType"]}"{one["value"]}"' for one in matchers]

    own = {"source_matchers": told(rule["sourceMatch"]), "target_matchers": told(rule["targetMatch"])}
    return own | ({"equal": rule["equal"]} if "equal" in rule else {})


def carried(documents: list[dict]) -> list[str]:
    """Alerts and dashboards arrive as their sources have them, letter by letter."""
    found = []
    alerts = yaml.safe_load((TOP / "deploy/prometheus/alerts.yaml").read_text())
    for rule in named(documents, "PrometheusRule"):
        changed = "example.com/changed" in rule["metadata"].get("annotations", {})
        if fires(rule["spec"]) != fires(alerts) if changed else rule["spec"] != alerts:
            found.append("the PrometheusRule is not deploy/prometheus/alerts.yaml")
    inhibitions = yaml.safe_load((TOP / "deploy/prometheus/inhibition.yaml").read_text())["inhibit_rules"]
    for one in named(documents, "AlertmanagerConfig"):
        if [_inhibition(rule) for rule in one["spec"]["inhibitRules"]] != inhibitions:
            found.append("the AlertmanagerConfig is not deploy/prometheus/inhibition.yaml")
    sources = {file.name: json.loads(file.read_text()) for file in (TOP / "dashboards").glob("*.json")}
    maps = [d for d in named(documents, "ConfigMap") if "-dashboard-" in d["metadata"]["name"]]
    # One set says where the agent's pages are.
    as_shipped = lambda text: text.replace("https://mail.contoso.example/agent/", "https://mailbox-exporter.example/")
    given = {name: json.loads(as_shipped(text)) for d in maps for name, text in d["data"].items()}
    if maps and given != sources:
        found.append("the dashboards are not those of dashboards/")
    for document in maps:
        labels = document["metadata"]["labels"]
        if labels.get("grafana_dashboard") != "1" and labels.get("dashboard") != "yes":
            found.append(f"{document['metadata']['name']} lacks the label that Grafana's sidecar looks for")
    keys = {(d["metadata"]["name"], name) for d in maps for name in d["data"]}
    asked = [d["spec"]["configMapRef"] for d in named(documents, "GrafanaDashboard")]
    if asked and {(ref["name"], ref["key"]) for ref in asked} != keys:
        found.append("the GrafanaDashboards do not name the ConfigMaps of the dashboards")
    if any(d["kind"] == "Secret" for d in documents):
        found.append("an installation brings a Secret with a value in it")
    return found
