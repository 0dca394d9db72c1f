{{/* The configuration: what the values say, or the example, with the places that the chart itself mounts. */}}

{{- define "mailbox-exporter.config" -}}
{{- $config := deepCopy (.Values.config | default (.Files.Get "files/config.yaml" | fromYaml)) -}}
{{- $listen := dig "http" "listen" ":9993" $config -}}
{{- if not (hasSuffix ":9993" $listen) -}}
{{- fail (printf "config.http.listen is %s, but the pod's port is 9993: leave it out; service.port is what others see." $listen) -}}
{{- end -}}
{{- if .Values.webConfig.existingSecret -}}
{{- $_ := set $config "http" (mergeOverwrite (dict) ($config.http | default dict) (dict "web_config" "/etc/mailbox-exporter-web/web.yaml")) -}}
{{- end -}}
{{- if .Values.stateDir.enabled -}}
{{- $_ := set $config "state_dir" "/var/lib/mailbox-exporter" -}}
{{- end -}}
{{- if and .Values.mailboxConfigMaps (not $config.mailbox_files) -}}
{{- $_ := set $config "mailbox_files" (list "mailboxes*.yaml") -}}
{{- end -}}
{{- toYaml $config -}}
{{- end -}}

{{/* The files beside each other in the ConfigMap. */}}
{{- define "mailbox-exporter.files" -}}
config.yaml: |
  {{- include "mailbox-exporter.config" . | nindent 2 }}
{{- range $name, $text := .Values.configFiles }}
{{ $name }}: {{ toYaml $text | nindent 2 | trim }}
{{- end }}
{{- end -}}

{{- define "mailbox-exporter.configMap" -}}
{{- default (include "mailbox-exporter.fullname" .) .Values.existingConfigMap -}}
{{- end -}}

{{/* Scheme of the endpoint. */}}
{{- define "mailbox-exporter.scheme" -}}
{{- if .Values.webConfig.tls }}https{{ else }}http{{ end -}}
{{- end -}}

{{/* How the kubelet asks for a path: mailbox-exporter.asked (list . "/-/healthy") */}}
{{- define "mailbox-exporter.asked" -}}
{{- $ := index . 0 -}}
{{- if $.Values.webConfig.clientCertificates -}}
tcpSocket: { port: http }
{{- else -}}
httpGet: { path: {{ index . 1 }}, port: http, scheme: {{ include "mailbox-exporter.scheme" $ | upper }} }
{{- end -}}
{{- end -}}
