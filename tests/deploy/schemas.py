"""Whether documents fit the schemas of Kubernetes and of the Prometheus Operator, unknown fields included.

Owns the versions that are supported and how a schema is made strict. Knows nothing of what the documents are for.
"""

import pathlib

import jsonschema
import kubernetes_validate
import yaml

# The oldest and the newest release of Kubernetes for which this must be right.
VERSIONS = ("1.25", "1.37")
CRDS = pathlib.Path(__file__).parent / "crds"


def strict(schema):
    """The same schema, refusing what it does not list: an API server drops such fields in silence."""
    if isinstance(schema, list):
        return [strict(item) for item in schema]
    if not isinstance(schema, dict):
        return schema
    made = {key: strict(value) for key, value in schema.items()}
    open_ended = schema.get("x-kubernetes-preserve-unknown-fields") or "additionalProperties" in schema
    # `properties` itself may be the name of a property.
    if isinstance(schema.get("properties"), dict) and schema.get("type") == "object" and not open_ended:
        made["additionalProperties"] = False
    if schema.get("x-kubernetes-int-or-string"):
        made.pop("type", None)
    return made


def custom() -> dict:
    """The validators of the operator's kinds, by apiVersion and kind."""
    found = {}
    for file in sorted(CRDS.glob("*.yaml")):
        crd = yaml.safe_load(file.read_text())
        schema = strict({"type": "object", **crd["schema"]})
        found[f"{crd['group']}/{crd['version']}", crd["kind"]] = jsonschema.Draft7Validator(schema)
    return found


CUSTOM = custom()


def faults(document: dict) -> list[str]:
    """What is wrong with one document; empty where nothing is."""
    kind = document.get("apiVersion"), document.get("kind")
    if kind in CUSTOM:
        return [f"{error.json_path}: {error.message}" for error in CUSTOM[kind].iter_errors(document)]
    found = []
    for version in VERSIONS:
        try:
            kubernetes_validate.validate(document, version, strict=True)
        except kubernetes_validate.ValidationError as error:
            found.append(f"Kubernetes {version}: {'.'.join(map(str, error.path))}: {error.message}")
        except kubernetes_validate.SchemaNotFoundError:
            found.append(f"Kubernetes {version} knows no {kind}")
    return found
