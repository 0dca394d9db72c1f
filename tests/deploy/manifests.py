"""Checks rendered installations: manifests.py PROGRAM FILE...

Each FILE holds the documents of one installation. Owns the order of the checks, and the proof that each of them can fail:
before anything is believed, documents are broken on purpose, and every break must be found.
"""

import copy
import functools
import json
import pathlib
import subprocess
import sys
import tempfile

import yaml

import given
import pods
import schemas
import sets

# YAML 1.1 has a type for a lone `=`, which kubectl and Helm write for the text.
yaml.SafeLoader.add_constructor("tag:yaml.org,2002:value", lambda _, node: node.value)


@functools.cache
def misshapen(document: str) -> list[str]:
    """The faults of a document's form; most documents stand in many installations, letter by letter."""
    return schemas.faults(json.loads(document))


def faults(documents: list[dict]) -> list[str]:
    found = sets.faults(documents)
    for document in documents:
        name = f"{document['kind']} {document['metadata']['name']}"
        found += [f"{name}: {fault}" for fault in misshapen(json.dumps(document, sort_keys=True, default=str))]
        pod = pods.template(document)
        if pod:
            found += [f"{name}: {fault}" for fault in pods.faults(pod[1])]
    return found


def understood(program: str, documents: list[dict]) -> list[str]:
    """The program knows every option it is given, and finds no fault in the configuration."""
    found = []
    text = subprocess.run([program, "serve", "--help"], capture_output=True, text=True, check=True).stdout
    for document in documents:
        pod = pods.template(document)
        containers = pod[1]["containers"] if pod else []
        told = [c["args"] for c in containers if c.get("args", [""])[0] == "serve"]
        for option in {argument for arguments in told for argument in arguments if argument.startswith("--")}:
            if f"{option} " not in text:
                found.append(f"`serve` does not know {option}")
        if document["kind"] == "ConfigMap" and "config.yaml" in document["data"]:
            found += misread(program, document["data"]["config.yaml"])
    return found


def misread(program: str, configuration: str) -> list[str]:
    """The faults that the program finds in a configuration."""
    with tempfile.TemporaryDirectory() as folder:
        file = pathlib.Path(folder) / "config.yaml"
        file.write_text(configuration.replace("/etc/mailbox-exporter-web/", ""))
        (pathlib.Path(folder) / "web.yaml").write_text("http_server_config: {}\n")
        command = [program, "validate", "--config", str(file)]
        answer = subprocess.run(command, capture_output=True, text=True, check=False)
    if answer.returncode == 0:
        return []
    faults_told = [line for line in answer.stdout.splitlines() if line.startswith(str(file))]
    # Keys that the program knows by name and has not learnt yet: the chart may be ahead of it.
    lasting = [line for line in faults_told if "not in this version" not in line]
    return lasting if faults_told else [f"validate ends with {answer.returncode}: {answer.stdout}{answer.stderr}"]


def at(document: dict, pointer: str):
    """The object in which the last key of a JSON pointer stands, and that key."""
    *way, last = [key.replace("~1", "/") for key in pointer.split("/")]
    for key in way:
        document = document[int(key)] if isinstance(document, list) else document[key]
    return document, int(last) if isinstance(document, list) else last


POD = "spec/template/spec"
CONTAINER = f"{POD}/containers/0"
# Kind of the document, place, and what is put there instead. None takes it away.
BREAKS = [
    ("Workload", f"{POD}/securityContext/runAsNonRoot", False),
    ("Workload", f"{POD}/securityContext/runAsUser", 0),
    ("Workload", f"{POD}/securityContext/seccompProfile", None),
    ("Workload", f"{POD}/hostNetwork", True),
    ("Workload", f"{POD}/automountServiceAccountToken", True),
    ("Workload", f"{POD}/serviceAccountName", "another"),
    ("Workload", f"{POD}/volumes/0", {"name": "config", "hostPath": {"path": "/etc"}}),
    ("Workload", f"{POD}/volumes/0/name", "other"),
    ("Workload", f"{POD}/volumes/1/secret/defaultMode", 0o444),
    ("Workload", f"{CONTAINER}/securityContext/allowPrivilegeEscalation", True),
    ("Workload", f"{CONTAINER}/securityContext/readOnlyRootFilesystem", None),
    ("Workload", f"{CONTAINER}/securityContext/capabilities", {"drop": ["ALL"], "add": ["NET_RAW"]}),
    ("Workload", f"{CONTAINER}/resources/limits/memory", None),
    ("Workload", f"{CONTAINER}/readinessProbe/httpGet/port", "web"),
    ("Workload", f"{CONTAINER}/readinessProbe/httpGet/path", "/-/healthy"),
    ("Workload", f"{CONTAINER}/livenessProbe", None),
    ("Workload", f"{CONTAINER}/terminationMessagePolicy", None),
    ("Workload", f"{CONTAINER}/ports/0/name", "web"),
    ("Workload", f"{CONTAINER}/volumeMounts/0/subPath", "config.yaml"),
    ("Workload", f"{CONTAINER}/volumeMounts/0/readOnly", None),
    ("Workload", f"{CONTAINER}/env", [{"name": "CLIENT_SECRET", "value": "hunter2"}]),
    ("Workload", f"{CONTAINER}/image", "mailbox-exporter:latest"),
    ("Workload", f"{CONTAINER}/image", "mailbox-exporter"),
    ("Workload", f"{CONTAINER}/argz", []),
    ("Workload", "spec/replicas", 2),
    ("Workload", "spec/template/metadata/labels/app.kubernetes.io~1name", "other"),
    ("Deployment", "spec/strategy/type", "RollingUpdate"),
    ("StatefulSet", "spec/serviceName", "other"),
    ("StatefulSet", f"{CONTAINER}/args", ["serve"]),
    ("StatefulSet", "spec/volumeClaimTemplates/0/kind", None),
    ("Service", "spec/ports/0/targetPort", "web"),
    ("Service", "spec/ports/0/port", "9993"),
    ("Service", "spec/selector/app.kubernetes.io~1name", "other"),
    ("NetworkPolicy", "spec/podSelector", {}),
    ("NetworkPolicy", "spec/policyTypes", ["Ingress"]),
    ("NetworkPolicy", "spec/egress/0/ports/3", None),
    ("NetworkPolicy", "spec/egress/1/ports/1", None),
    ("NetworkPolicy", "spec/egress/1/ports", None),
    ("NetworkPolicy", "spec/ingress/0/ports/0/port", 80),
    ("ConfigMap", "metadata/name", "other"),
    ("ServiceAccount", "automountServiceAccountToken", None),
    ("PodDisruptionBudget", "spec/maxUnavailable", 2),
    ("PodDisruptionBudget", "spec/selector/matchLabels/app.kubernetes.io~1name", "other"),
    ("ServiceMonitor", "spec/selector/matchLabels/app.kubernetes.io~1name", "other"),
    ("ServiceMonitor", "spec/endpoints/0/port", "web"),
    ("ServiceMonitor", "spec/endpoints/0/intervall", "30s"),
    ("ServiceMonitor", "spec/endpoints/0/scheme", None),
    ("PodMonitor", "spec/podMetricsEndpoints/0/scheme", "https"),
    ("PodMonitor", "spec/podMetricsEndpoints/0/port", "web"),
    ("Probe", "spec/targets/staticConfig/statics", []),
    ("Probe", "spec/interval", "often"),
    ("HTTPRoute", "spec/rules/0/backendRefs/0/name", "other"),
    ("HTTPRoute", "spec/parentRef", []),
    ("AlertmanagerConfig", "spec/inhibitRules/0/sourceMatch/0/matchType", "!="),
    ("AlertmanagerConfig", "spec/inhibitRules/0/sourceMatch/0/type", "="),
    ("GrafanaDashboard", "spec/configMapRef/name", "other"),
    ("GrafanaDashboard", "spec/instanceSelectors", {}),
    ("PrometheusRule", "spec/groups/0/rules/0/expr", "vector(1)"),
    ("PrometheusRule", "spec/groups/0/rules/0/annotation", {}),
]


def prove(installations: list[list[dict]]) -> list[str]:
    """The breaks that no check has found."""
    found = []
    for kind, pointer, value in BREAKS:
        kinds = ("Deployment", "StatefulSet") if kind == "Workload" else (kind,)
        broken = copy.deepcopy(next((i for i in installations if sets.named(i, *kinds)), []))
        if not broken:
            found.append(f"no installation has a {kind} to break")
            continue
        place, key = at(sets.named(broken, *kinds)[0], pointer)
        if value is None:
            del place[key]
        else:
            place[key] = value
        if not faults(broken):
            found.append(f"no check refuses {kind} {pointer} = {value}")
    return found


def unlisted() -> list[str]:
    """The sections of a configuration that the chart's schema does not let through."""
    schema = json.loads((sets.TOP / "deploy/helm/mailbox-exporter/values.schema.json").read_text())
    listed = set(schema["properties"]["config"]["properties"])
    written = set(yaml.safe_load((sets.TOP / "config.yaml.example").read_text()))
    return [f"values.schema.json: config.{key} is missing" for key in sorted(written - listed)]


def main(program: str, files: list[str]) -> None:
    installations = {}
    found = unlisted()
    for file in files:
        documents = [d for d in yaml.safe_load_all(pathlib.Path(file).read_text()) if d]
        complaints = faults(documents) + understood(program, documents)
        found += [f"{file}: {complaint}" for complaint in complaints]
        installations[file] = documents
    found += given.faults(installations)
    if not found:
        found = prove(list(installations.values()))
        if not misread(program, "mailboxes: 3"):
            found.append("no check refuses a configuration that cannot be read")
    if found:
        sys.exit("\n".join(found))
    print(f"{len(files)} installations, {sum(map(len, installations.values()))} documents, {len(BREAKS)} breaks found")


if __name__ == "__main__":
    main(sys.argv[1], sys.argv[2:])
