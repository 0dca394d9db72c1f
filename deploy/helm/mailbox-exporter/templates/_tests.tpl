{{/* What the pods share that try an installation: `helm test`, and the look at a new configuration before an upgrade. The Service does not select them: they carry another name. */}}

{{/* mailbox-exporter.testMetadata (list . SUFFIX) */}}
{{- define "mailbox-exporter.testMetadata" -}}
{{- $ := index . 0 -}}
name: {{ include "mailbox-exporter.fullname" $ }}-{{ index . 1 }}
labels: {{- mergeOverwrite (dict) $.Values.commonLabels (include "mailbox-exporter.testLabels" $ | fromYaml) | toYaml | nindent 2 }}
{{- /* Not deleted when it succeeds: `helm test --logs` could not read it any more. */}}
{{- $hook := dict "helm.sh/hook" "test" "helm.sh/hook-delete-policy" "before-hook-creation" }}
annotations: {{- mergeOverwrite (dict) $.Values.commonAnnotations $hook | toYaml | nindent 2 }}
{{- end -}}

{{- define "mailbox-exporter.testLabels" -}}
app.kubernetes.io/name: {{ include "mailbox-exporter.name" . }}-test
app.kubernetes.io/instance: {{ .Release.Name }}
app.kubernetes.io/managed-by: {{ .Release.Service }}
{{- end -}}

{{/* Of what runs before an upgrade, and goes when all is well: mailbox-exporter.hookMetadata (list . NAME WEIGHT) */}}
{{- define "mailbox-exporter.hookMetadata" -}}
{{- $ := index . 0 -}}
name: {{ index . 1 }}
labels: {{- mergeOverwrite (dict) $.Values.commonLabels (include "mailbox-exporter.testLabels" $ | fromYaml) | toYaml | nindent 2 }}
{{- $hook := dict "helm.sh/hook" "pre-upgrade" "helm.sh/hook-weight" (index . 2) "helm.sh/hook-delete-policy" "before-hook-creation,hook-succeeded" }}
annotations: {{- mergeOverwrite (dict) $.Values.commonAnnotations $hook | toYaml | nindent 2 }}
{{- end -}}

{{- define "mailbox-exporter.testPod" -}}
automountServiceAccountToken: false
enableServiceLinks: false
{{- with .Values.imagePullSecrets }}
imagePullSecrets: {{- toYaml . | nindent 2 }}
{{- end }}
securityContext: {{- include "mailbox-exporter.given" .Values.podSecurityContext | nindent 2 }}
{{- include "mailbox-exporter.names" . }}
{{- end -}}

{{- define "mailbox-exporter.testContainer" -}}
image: {{ include "mailbox-exporter.image" . }}
imagePullPolicy: {{ .Values.image.pullPolicy }}
terminationMessagePolicy: FallbackToLogsOnError
env: {{- include "mailbox-exporter.env" . | trim | nindent 2 }}
{{- with .Values.extraEnvFrom }}
envFrom: {{- toYaml . | nindent 2 }}
{{- end }}
securityContext: {{- include "mailbox-exporter.given" .Values.securityContext | nindent 2 }}
resources: {{- toYaml .Values.resources | nindent 2 }}
{{- end -}}

{{/* The keys of the Secret that a part of the configuration names as files, one a line: mailbox-exporter.secretKeys (list PART) */}}
{{- define "mailbox-exporter.secretKeys" -}}
{{- $part := index . 0 -}}
{{- if kindIs "map" $part -}}
{{- range $key, $value := $part -}}
{{- if kindIs "string" $value -}}
{{- if and (eq $key "file") (hasPrefix "/run/secrets/mailbox-exporter/" $value) }}
{{ trimPrefix "/run/secrets/mailbox-exporter/" $value }}
{{- end -}}
{{- else -}}
{{- include "mailbox-exporter.secretKeys" (list $value) -}}
{{- end -}}
{{- end -}}
{{- else if kindIs "slice" $part -}}
{{- range $part -}}
{{- include "mailbox-exporter.secretKeys" (list .) -}}
{{- end -}}
{{- end -}}
{{- end -}}
