{{/* What things are called, and the labels they are found by. */}}

{{- define "mailbox-exporter.name" -}}
{{- default .Chart.Name .Values.nameOverride | trunc 63 | trimSuffix "-" -}}
{{- end -}}

{{/* The name of everything in the release. One that is too long is refused, not cut: two releases would become one. */}}
{{- define "mailbox-exporter.fullname" -}}
{{- $name := default .Chart.Name .Values.nameOverride -}}
{{- if .Values.fullnameOverride -}}
{{- .Values.fullnameOverride -}}
{{- else if contains $name .Release.Name -}}
{{- .Release.Name -}}
{{- else -}}
{{- printf "%s-%s" .Release.Name $name -}}
{{- end -}}
{{- end -}}

{{/* What a selector selects: never changed afterwards. */}}
{{- define "mailbox-exporter.selector" -}}
app.kubernetes.io/name: {{ include "mailbox-exporter.name" . }}
app.kubernetes.io/instance: {{ .Release.Name }}
{{- end -}}

{{- define "mailbox-exporter.labels" -}}
{{ include "mailbox-exporter.selector" . }}
app.kubernetes.io/version: {{ .Chart.AppVersion | quote }}
app.kubernetes.io/managed-by: {{ .Release.Service }}
helm.sh/chart: {{ printf "%s-%s" .Chart.Name .Chart.Version | replace "+" "_" }}
{{- end -}}

{{/*
The metadata of a document: mailbox-exporter.metadata (list . (dict "name" … "namespace" … "labels" … "annotations" …)).
All but the name may be left out. The chart's own labels win: selectors rest on them.
*/}}
{{- define "mailbox-exporter.metadata" -}}
{{- $ := index . 0 -}}
{{- $own := index . 1 -}}
name: {{ $own.name }}
{{- with $own.namespace }}
namespace: {{ . }}
{{- end }}
labels: {{- mergeOverwrite (dict) $.Values.commonLabels ($own.labels | default dict) (include "mailbox-exporter.labels" $ | fromYaml) | toYaml | nindent 2 }}
{{- with mergeOverwrite (dict) $.Values.commonAnnotations ($own.annotations | default dict) }}
annotations: {{- toYaml . | nindent 2 }}
{{- end }}
{{- end -}}

{{- define "mailbox-exporter.serviceAccount" -}}
{{- if .Values.serviceAccount.create -}}
{{- default (include "mailbox-exporter.fullname" .) .Values.serviceAccount.name -}}
{{- else -}}
{{- default "default" .Values.serviceAccount.name -}}
{{- end -}}
{{- end -}}

{{- define "mailbox-exporter.image" -}}
{{- if .Values.image.digest -}}
{{- printf "%s@%s" .Values.image.repository .Values.image.digest -}}
{{- else -}}
{{- printf "%s:%s" .Values.image.repository (default .Chart.AppVersion .Values.image.tag) -}}
{{- end -}}
{{- end -}}

{{/* The Secret whose keys are the files below /run/secrets/mailbox-exporter. */}}
{{- define "mailbox-exporter.secret" -}}
{{- default (printf "%s-secrets" (include "mailbox-exporter.fullname" .)) .Values.existingSecret -}}
{{- end -}}

{{/* Another Service with shards: none can become headless, and an upgrade would fail at it. */}}
{{- define "mailbox-exporter.service" -}}
{{- include "mailbox-exporter.fullname" . }}{{ if gt (int .Values.shards) 1 }}-shards{{ end }}
{{- end -}}
