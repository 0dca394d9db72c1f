{{/* What the exporter's pod and the pod of `helm test` share. */}}

{{/* A map without its keys that are null: so a default is taken away, whatever Helm makes of a null. */}}
{{- define "mailbox-exporter.given" -}}
{{- $given := dict -}}
{{- range $key, $value := . -}}
{{- if not (kindIs "invalid" $value) -}}
{{- $_ := set $given $key $value -}}
{{- end -}}
{{- end -}}
{{- toYaml $given -}}
{{- end -}}

{{/* How the pod finds names. */}}
{{- define "mailbox-exporter.names" -}}
{{- with .Values.hostAliases }}
hostAliases: {{- toYaml . | nindent 2 }}
{{- end }}
{{- with .Values.dnsPolicy }}
dnsPolicy: {{ . }}
{{- end }}
{{- with .Values.dnsConfig }}
dnsConfig: {{- toYaml . | nindent 2 }}
{{- end }}
{{- end -}}

{{- define "mailbox-exporter.env" -}}
- { name: TOKIO_WORKER_THREADS, value: {{ .Values.workerThreads | quote }} }
{{- if gt (int .Values.shards) 1 }}
- { name: MAILBOX_EXPORTER_SHARDS, value: {{ .Values.shards | quote }} }
{{- end }}
{{- with .Values.extraEnv }}
{{ toYaml . }}
{{- end }}
{{- end -}}

{{/* Whole folders, never subPath: only these follow a change of their ConfigMap or Secret. */}}
{{- define "mailbox-exporter.volumeMounts" -}}
- { name: config, mountPath: /etc/mailbox-exporter, readOnly: true }
- { name: secrets, mountPath: /run/secrets/mailbox-exporter, readOnly: true }
{{- if .Values.webConfig.existingSecret }}
- { name: web, mountPath: /etc/mailbox-exporter-web, readOnly: true }
{{- end }}
{{- with .Values.extraVolumeMounts }}
{{ toYaml . }}
{{- end }}
{{- end -}}

{{/* mailbox-exporter.volumes (list . CONFIGMAP) */}}
{{- define "mailbox-exporter.volumes" -}}
{{- $ := index . 0 -}}
- name: config
  projected:
    sources:
      - configMap: { name: {{ index . 1 }} }
      {{- range $.Values.mailboxConfigMaps }}
      - configMap: { name: {{ . }} }
      {{- end }}
- name: secrets
  secret:
    secretName: {{ include "mailbox-exporter.secret" $ }}
    defaultMode: 0440
    # A missing secret is a reason on its mailboxes (secret_unreadable), not a silent exporter.
    optional: true
{{- if $.Values.webConfig.existingSecret }}
- name: web
  secret:
    secretName: {{ $.Values.webConfig.existingSecret }}
    defaultMode: 0440
{{- end }}
{{- with $.Values.extraVolumes }}
{{ toYaml . }}
{{- end }}
{{- end -}}
