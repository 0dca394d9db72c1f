"""What must hold of every pod: Pod Security `restricted`, and the care that a cluster's owner expects beyond it.

Owns the rules of a pod template. Which documents belong together is told in `sets`.
"""

# The volume types that Pod Security `restricted` allows and the exporter has a use for.
VOLUMES = {"configMap", "secret", "projected", "persistentVolumeClaim", "emptyDir"}


def template(document: dict):
    """Metadata and spec of the pods that a document makes, or None."""
    if document["kind"] == "Pod":
        return document["metadata"], document["spec"]
    if document["kind"] in ("Deployment", "StatefulSet", "Job"):
        inner = document["spec"]["template"]
        claims = document["spec"].get("volumeClaimTemplates", [])
        # As the controller makes them: a volume for each claim.
        volumes = [{"name": claim["metadata"]["name"], "persistentVolumeClaim": {}} for claim in claims]
        return inner["metadata"], {**inner["spec"], "volumes": inner["spec"].get("volumes", []) + volumes}
    return None


def faults(spec: dict) -> list[str]:
    """What is wrong with one pod; empty where nothing is."""
    found = []

    def must(holds, complaint: str) -> None:
        if not holds:
            found.append(complaint)

    pod = spec.get("securityContext", {})
    must(pod.get("runAsNonRoot") is True, "runAsNonRoot is not true")
    # Left out, the cluster says: OpenShift gives each namespace a user of its own.
    must(pod.get("runAsUser", 1) > 0, "runs as root")
    must("runAsUser" in pod or "fsGroup" not in pod, "has a group for its files, but leaves the user to the cluster")
    must(pod.get("seccompProfile", {}).get("type") == "RuntimeDefault", "no seccomp profile")
    for key in ("hostNetwork", "hostPID", "hostIPC"):
        must(not spec.get(key), f"{key} is set")
    must(spec.get("automountServiceAccountToken") is False, "the account's token is mounted")
    must(spec.get("serviceAccountName"), "runs under the namespace's account by accident")
    must(spec.get("enableServiceLinks") is False, "gets a variable for every Service")
    for volume in spec.get("volumes", []):
        kinds = set(volume) - {"name"}
        must(kinds <= VOLUMES, f"volume {volume['name']}: {kinds} is not allowed")
        secret = volume.get("secret")
        must(not secret or secret.get("defaultMode") == 0o440, f"volume {volume['name']}: everybody can read the secret")
    volumes = {volume["name"] for volume in spec.get("volumes", [])}
    must(not spec.get("ephemeralContainers"), "more containers than are looked at")
    for container in spec.get("initContainers", []) + spec["containers"]:
        found += [f"{container['name']}: {fault}" for fault in container_faults(container, volumes)]
    return found


def container_faults(container: dict, volumes: set[str]) -> list[str]:
    found = []

    def must(holds, complaint: str) -> None:
        if not holds:
            found.append(complaint)

    security = container.get("securityContext", {})
    must(security.get("allowPrivilegeEscalation") is False, "may escalate privileges")
    must(security.get("readOnlyRootFilesystem") is True, "may write to its root filesystem")
    must(security.get("capabilities") == {"drop": ["ALL"]}, "keeps capabilities")
    must(not security.get("privileged"), "is privileged")
    must("runAsUser" not in security, "runs as another user than its pod")

    told = container.get("terminationMessagePolicy") == "FallbackToLogsOnError"
    must(told, "does not tell `kubectl describe` why it ended")
    resources = container.get("resources", {})
    for share, name in (("requests", "cpu"), ("requests", "memory"), ("limits", "memory")):
        must(resources.get(share, {}).get(name), f"has no {share}.{name}")
    ports = {port["name"]: port["containerPort"] for port in container.get("ports", [])}
    must(all("hostPort" not in port for port in container.get("ports", [])), "takes a port of its node")
    for name in ("livenessProbe", "readinessProbe"):
        if name in container:
            asks = container[name].get("httpGet") or container[name]["tcpSocket"]
            must(asks["port"] in ports, f"{name} asks a port that does not exist")
    for mount in container.get("volumeMounts", []):
        must(mount["name"] in volumes, f"mounts {mount['name']}, which is no volume")
        must("subPath" not in mount, f"{mount['mountPath']} by subPath never changes")
        must(mount.get("readOnly") is True or mount["name"] == "state", f"may write to {mount['mountPath']}")
    places = [mount["mountPath"] for mount in container.get("volumeMounts", [])]
    must(len(places) == len(set(places)), "mounts two volumes at one place")
    for variable in container.get("env", []):
        plain = "value" in variable and any(word in variable["name"] for word in ("SECRET", "PASSWORD", "TOKEN", "KEY"))
        must(not plain, f"{variable['name']} is a secret in plain text")
    image = container["image"]
    must("@sha256:" in image or not image.rpartition("/")[2].endswith((":latest", ":")), f"{image} is a moving target")
    must(":" in image.rpartition("/")[2], f"{image} has no tag")
    return found
