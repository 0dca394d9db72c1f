{{/*
The alerts of deploy/prometheus/alerts.yaml as the values change them: mailbox-exporter.rules.
Only what is said of an alert changes, or whether it is there; never when it fires.
*/}}

{{- define "mailbox-exporter.rules" -}}
{{- $values := .Values.prometheusRule -}}
{{- $source := .Files.Get "files/alerts.yaml" | fromYaml -}}
{{- $known := dict -}}
{{- range $group := $source.groups -}}
{{- $kept := list -}}
{{- range $rule := $group.rules -}}
{{- if $rule.alert -}}
{{- $_ := set $known $rule.alert true -}}
{{- $_ := set $rule "labels" (mergeOverwrite (dict) $values.ruleLabels $rule.labels) -}}
{{- with get $values.severity $rule.alert -}}
{{- $_ := set $rule.labels "severity" . -}}
{{- end -}}
{{- with $values.runbookUrl -}}
{{- $_ := set $rule.annotations "runbook_url" (replace "https://mailbox-exporter.example" (trimSuffix "/" .) $rule.annotations.runbook_url) -}}
{{- end -}}
{{- end -}}
{{- if not (and $rule.alert (has $rule.alert $values.disabled)) -}}
{{- $kept = append $kept $rule -}}
{{- end -}}
{{- end -}}
{{- $_ := set $group "rules" $kept -}}
{{- end -}}
{{- range concat $values.disabled (keys $values.severity) -}}
{{- if not (hasKey $known .) -}}
{{- fail (printf "prometheusRule.disabled and prometheusRule.severity name alerts, and there is no alert %s." .) -}}
{{- end -}}
{{- end -}}
{{- toYaml $source -}}
{{- end -}}
