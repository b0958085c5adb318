{{/* Labels of every object made here; `part` of (root, part). The selector's labels never change: they are immutable. */}}
{{- define "fde.selector" -}}
app.kubernetes.io/name: fde-{{ .part }}
app.kubernetes.io/instance: {{ .root.Release.Name }}
{{- end }}
{{- define "fde.labels" -}}
{{ include "fde.selector" . }}
app.kubernetes.io/version: {{ .root.Chart.AppVersion | quote }}
app.kubernetes.io/part-of: fde
app.kubernetes.io/managed-by: {{ .root.Release.Service }}
helm.sh/chart: {{ printf "%s-%s" .root.Chart.Name .root.Chart.Version }}
{{- end }}

{{/* repository@digest of image `image` of (root, image). */}}
{{- define "fde.image" -}}
{{- $image := index .root.Values.images .image -}}
{{- $digest := required (printf "images.%s.digest is empty: give the sha256:... that your registry answered when %s was pushed" .image $image.repository) $image.digest -}}
{{ $image.repository }}@{{ $digest }}
{{- end }}

{{/* What restricted pod security asks for, and a user that is in no image's /etc/passwd. */}}
{{- define "fde.podSecurity" -}}
securityContext:
  runAsNonRoot: true
  runAsUser: 65532
  runAsGroup: 65532
  fsGroup: 65532
  fsGroupChangePolicy: OnRootMismatch
  seccompProfile: {type: RuntimeDefault}
{{- with .Values.images.pullSecrets }}
imagePullSecrets:
{{- range . }}
- name: {{ . }}
{{- end }}
{{- end }}
{{- end }}
{{- define "fde.containerSecurity" -}}
securityContext:
  allowPrivilegeEscalation: false
  readOnlyRootFilesystem: true
  runAsNonRoot: true
  runAsUser: 65532
  runAsGroup: 65532
  capabilities: {drop: [ALL]}
{{- end }}

{{/* Replicas of `part` apart from each other, by node and by zone, where there are several. */}}
{{- define "fde.spread" -}}
affinity:
  podAntiAffinity:
    preferredDuringSchedulingIgnoredDuringExecution:
    - weight: 100
      podAffinityTerm:
        topologyKey: kubernetes.io/hostname
        labelSelector:
          matchLabels: {{- include "fde.selector" . | nindent 12 }}
topologySpreadConstraints:
- maxSkew: 1
  topologyKey: topology.kubernetes.io/zone
  whenUnsatisfiable: ScheduleAnyway
  labelSelector:
    matchLabels: {{- include "fde.selector" . | nindent 6 }}
{{- end }}

{{/* Ports of `host:port,host:port`, as a list of rules. */}}
{{- define "fde.brokerPorts" -}}
{{- $ports := list }}
{{- range (splitList "," .Values.kafka.brokers) }}
{{- $ports = append $ports (regexFind "[0-9]+$" .) }}
{{- end }}
{{- range (uniq $ports) }}
- {protocol: TCP, port: {{ . }}}
{{- end }}
{{- end }}

{{/* Kafka of a worker or the operator: variables, mounts, volumes. */}}
{{- define "fde.kafkaEnv" -}}
- {name: FDE_BROKERS, value: {{ .Values.kafka.brokers | quote }}}
{{- if .Values.kafka.configSecret }}
- {name: FDE_KAFKA_CONFIG, value: /fde/kafka/kafka.yaml}
{{- end }}
{{- end }}
{{- define "fde.kafkaMounts" -}}
{{- if .Values.kafka.configSecret }}
- {name: kafka, mountPath: /fde/kafka, readOnly: true}
{{- end }}
{{- end }}
{{- define "fde.kafkaVolumes" -}}
{{- if .Values.kafka.configSecret }}
- name: kafka
  secret: {secretName: {{ .Values.kafka.configSecret }}, defaultMode: 0440}
{{- end }}
{{- end }}

{{/* The operator's variables, as data of a ConfigMap; extraEnv goes over them. */}}
{{- define "fde.operatorSettings" -}}
FDE_OPERATOR_HEALTH: {{ printf ":%v" .Values.operator.probesPort | quote }}
FDE_AUDIT_STATE: /fde/audit
FDE_LOG_FORMAT: json
{{- if .Values.operator.landscape }}
FDE_LANDSCAPE: /fde/landscape/landscape.yaml
{{- end }}
FDE_OPERATOR_WORKERS: {{ .Values.operator.workers | quote }}
FDE_OPERATOR_RESYNC_SECONDS: {{ .Values.operator.resyncSeconds | quote }}
FDE_SIDECAR_IMAGE: {{ include "fde.image" (dict "root" . "image" "sidecar") | quote }}
FDE_RUNTIME_IMAGE: {{ include "fde.image" (dict "root" . "image" "runtime") | quote }}
{{- with .Values.operator.telemetrySecret }}
FDE_TELEMETRY_SECRET: {{ . | quote }}
{{- end }}
{{- if .Values.kafka.brokers }}
FDE_BROKERS: {{ .Values.kafka.brokers | quote }}
{{- if .Values.kafka.configSecret }}
FDE_KAFKA_CONFIG: /fde/kafka/kafka.yaml
{{- end }}
{{- if .Values.kafka.adminConfigSecret }}
FDE_KAFKA_ADMIN_CONFIG: /fde/kafka-admin/kafka.yaml
{{- end }}
{{- if .Values.kafka.replication }}
FDE_KAFKA_REPLICATION: {{ .Values.kafka.replication | quote }}
{{- end }}
{{- with .Values.kafka.networks }}
FDE_BROKER_NETWORKS: {{ join "," . | quote }}
{{- end }}
{{- end }}
{{- with .Values.operator.tracing.endpoint }}
OTEL_EXPORTER_OTLP_ENDPOINT: {{ . | quote }}
{{- end }}
{{- end }}
