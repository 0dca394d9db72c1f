"""Makes of a rendered overlay what `podman play kube` can run: podman_kube.py IMAGE CONFIG SECRETS < DOCUMENTS

Owns the differences between a cluster and podman, each with its reason, and changes nothing else: what runs is the pod
of the manifests. The files of the folders CONFIG and SECRETS become the keys of the ConfigMap and of the Secret.
"""

import base64
import pathlib
import sys

import yaml


def files(folder: str) -> dict[str, bytes]:
    return {file.name: file.read_bytes() for file in pathlib.Path(folder).iterdir()}


def main(image: str, config: str, secrets: str) -> None:
    documents = [d for d in yaml.safe_load_all(sys.stdin) if d]
    (example,) = [d for d in documents if d["kind"] == "ConfigMap" and "config.yaml" in d["data"]]
    (workload,) = [d for d in documents if d["kind"] == "Deployment"]
    example["data"] = {name: content.decode() for name, content in files(config).items()}
    spec = workload["spec"]["template"]["spec"]
    # The simulated servers are on loopback.
    spec["hostNetwork"] = True
    (container,) = spec["containers"]
    container["image"] = image
    # Any free port: the usual one may be taken on this machine.
    container["args"] += ["--listen", "127.0.0.1:0"]
    # Podman would map them, which it cannot do on the host's network.
    del container["ports"]
    # Podman makes a command of it, curl, and runs that in the container, which has none. The test asks the paths itself.
    del container["livenessProbe"], container["readinessProbe"]
    for volume in spec["volumes"]:
        if "secret" in volume:
            # Podman knows a missing secret only as an error.
            volume["secret"]["optional"] = False
            name = volume["secret"]["secretName"]
    data = {key: base64.b64encode(value).decode() for key, value in files(secrets).items()}
    secret = {"apiVersion": "v1", "kind": "Secret", "metadata": {"name": name}, "data": data}
    yaml.safe_dump_all([example, secret, workload], sys.stdout)


if __name__ == "__main__":
    main(*sys.argv[1:])
