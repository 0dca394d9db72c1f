{{/*
What cannot work is refused while it is rendered, with the place and the remedy: mailbox-exporter.refuse.
Shapes of single values are the schema's; here is what only two values together tell.
*/}}

{{- define "mailbox-exporter.refuse" -}}
{{- $name := include "mailbox-exporter.fullname" . -}}
{{- if gt (len $name) 40 -}}
{{- fail (printf "the name %s, made of the release's and the chart's, has more than 40 characters, and what rests on it would not fit: set fullnameOverride." $name) -}}
{{- end -}}
{{- if not (regexMatch "^[a-z]([-a-z0-9]*[a-z0-9])?$" $name) -}}
{{- fail (printf "the name %s, made of the release's and the chart's, cannot be a Service's (letters, digits and hyphens, a letter first): set fullnameOverride." $name) -}}
{{- end -}}

{{- $places := list -}}
{{- range .Values.extraVolumeMounts -}}
{{- $places = append $places .mountPath -}}
{{- end -}}
{{- with .Values.config.state_dir -}}
{{- if and $.Values.stateDir.enabled (ne . "/var/lib/mailbox-exporter") -}}
{{- fail (printf "config.state_dir is %s, but stateDir.enabled mounts the claim at /var/lib/mailbox-exporter: leave config.state_dir out." .) -}}
{{- else if not (or $.Values.stateDir.enabled (include "mailbox-exporter.below" (list . $places))) -}}
{{- fail (printf "config.state_dir is %s, where the pod cannot write: set stateDir.enabled and leave config.state_dir out, or mount a volume there by extraVolumes and extraVolumeMounts." .) -}}
{{- end -}}
{{- end -}}

{{- if and .Values.service.nodePort (eq .Values.service.type "ClusterIP") -}}
{{- fail "service.nodePort needs service.type: NodePort or LoadBalancer." -}}
{{- end -}}
{{- range concat .Values.initContainers .Values.sidecars -}}
{{- if eq .name "mailbox-exporter" -}}
{{- fail "initContainers and sidecars stand beside the container mailbox-exporter: give them other names." -}}
{{- end -}}
{{- end -}}

{{- if .Values.ingress.enabled -}}
{{- if gt (int .Values.shards) 1 -}}
{{- fail "ingress.enabled needs shards: 1. Each shard shows its own mailboxes, and behind one address a page would be another's each time." -}}
{{- end -}}
{{- if .Values.webConfig.tls -}}
{{- if not .Values.ingress.annotations -}}
{{- fail "ingress.enabled with webConfig.tls needs ingress.annotations: most controllers speak HTTP to a Service unless an annotation says HTTPS." -}}
{{- end -}}
{{- end -}}
{{- end -}}

{{- if .Values.httpRoute.enabled -}}
{{- if gt (int .Values.shards) 1 -}}
{{- fail "httpRoute.enabled needs shards: 1. Each shard shows its own mailboxes, and behind one address a page would be another's each time." -}}
{{- end -}}
{{- if and .Values.webConfig.tls (not .Values.extraManifests) -}}
{{- fail "httpRoute.enabled with webConfig.tls needs a BackendTLSPolicy for the Service, which extraManifests can bring: a Gateway speaks HTTP to a Service unless one says HTTPS." -}}
{{- end -}}
{{- end -}}
{{- if and .Values.dashboards.grafanaOperator.enabled (not .Values.dashboards.enabled) -}}
{{- fail "dashboards.grafanaOperator takes the dashboards from their ConfigMaps: set dashboards.enabled." -}}
{{- end -}}

{{- $web := or .Values.webConfig.existingSecret .Values.existingConfigMap (dig "http" "web_config" "" .Values.config) -}}
{{- if and (or .Values.webConfig.tls .Values.webConfig.clientCertificates) (not $web) -}}
{{- fail "webConfig.tls and webConfig.clientCertificates only say what web.yaml holds: name its Secret in webConfig.existingSecret, or set both to false." -}}
{{- end -}}
{{- end -}}

{{/* Whether a path is one of the places, or below one: mailbox-exporter.below (list PATH PLACES) */}}
{{- define "mailbox-exporter.below" -}}
{{- $path := index . 0 -}}
{{- range index . 1 -}}
{{- if hasPrefix (printf "%s/" (trimSuffix "/" .)) (printf "%s/" $path) -}}
yes
{{- end -}}
{{- end -}}
{{- end -}}
