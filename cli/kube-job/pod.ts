/**
 * The pod of a worker, as deploy/kubernetes/components has it for the pool and, by gpu, spot and mtls, in its kinds (a
 * test compares). What Kubernetes' fields mean is said there.
 */

export interface WorkerPod {
  readonly image: string;
  /** Kubernetes' quantities: "2", "500m"; "4Gi". */
  readonly cpu: string;
  readonly memory: string;
  /** GPUs of each worker. */
  readonly gpu: number;
  /** On machines that may be taken away. */
  readonly spot: boolean;
  /** Known by its certificate, without tokens. */
  readonly mtls: boolean;
}

/** A Kubernetes object or a part of one. */
export type Part = { readonly [field: string]: unknown };

const workerLabels = { "app.kubernetes.io/name": "trainyard", "app.kubernetes.io/component": "worker" };

/** Labels of every worker, and which kind it is. */
export const labelsOf = (workers: "job" | "pool"): Record<string, string> => ({
  ...workerLabels,
  "trainyard/workers": workers,
});

/** `words`: what tells it for whom it works: --stay, or a run's name. */
export function podSpec(pod: WorkerPod, words: readonly string[]): Part {
  return {
    serviceAccountName: "trainyard-worker",
    automountServiceAccountToken: false,
    enableServiceLinks: false,
    terminationGracePeriodSeconds: 30,
    securityContext: {
      runAsNonRoot: true,
      runAsUser: 65_532,
      runAsGroup: 65_532,
      fsGroup: 65_532,
      seccompProfile: { type: "RuntimeDefault" },
    },
    ...(pod.spot ? { affinity: onSpotMachines } : {}),
    tolerations: tolerationsOf(pod),
    topologySpreadConstraints: [
      {
        maxSkew: 1,
        topologyKey: "kubernetes.io/hostname",
        whenUnsatisfiable: "ScheduleAnyway",
        labelSelector: { matchLabels: workerLabels },
      },
    ],
    containers: [container(pod, words)],
    volumes: volumesOf(pod),
  };
}

const spotLabels = [
  ["cloud.google.com/gke-spot", "true"],
  ["eks.amazonaws.com/capacityType", "SPOT"],
  ["karpenter.sh/capacity-type", "spot"],
  ["kubernetes.azure.com/scalesetpriority", "spot"],
] as const;

const onSpotMachines = {
  nodeAffinity: {
    requiredDuringSchedulingIgnoredDuringExecution: {
      nodeSelectorTerms: spotLabels.map(([key, value]) => ({
        matchExpressions: [{ key, operator: "In", values: [value] }],
      })),
    },
  },
};

function tolerationsOf({ gpu, spot }: WorkerPod): Part[] {
  const lost = (key: string) => ({ key, operator: "Exists", effect: "NoExecute", tolerationSeconds: 30 });
  const tainted = (key: string, value: string) => ({ key, operator: "Equal", value, effect: "NoSchedule" });
  return [
    lost("node.kubernetes.io/not-ready"),
    lost("node.kubernetes.io/unreachable"),
    ...(gpu > 0 ? [{ key: "nvidia.com/gpu", operator: "Exists", effect: "NoSchedule" }] : []),
    ...(spot ? [tainted("cloud.google.com/gke-spot", "true")] : []),
    ...(spot ? [tainted("kubernetes.azure.com/scalesetpriority", "spot")] : []),
  ];
}

/** Security of the container, as Kubernetes' restricted profile wants it. */
const restricted = {
  allowPrivilegeEscalation: false,
  readOnlyRootFilesystem: true,
  capabilities: { drop: ["ALL"] },
};

function container(pod: WorkerPod, words: readonly string[]): Part {
  const probe = { httpGet: { path: "/healthz", port: "metrics", scheme: "HTTPS" } };
  return {
    name: "worker",
    image: pod.image,
    imagePullPolicy: "IfNotPresent",
    args: [
      "worker",
      ...words,
      "--coordinator=trainyard-coordinator:7070",
      "--id=$(POD_NAME)",
      "--metrics-host=0.0.0.0",
      "--metrics-port=7090",
      "--metrics-advertise=$(POD_IP)",
      "--connect-timeout=1800",
      "--image-cache-memory=1GiB",
      "--image-cache-disk=4GiB",
    ],
    env: environmentOf(pod),
    ports: [{ name: "metrics", containerPort: 7090 }],
    startupProbe: { ...probe, periodSeconds: 2, failureThreshold: 60 },
    livenessProbe: { ...probe, periodSeconds: 10, timeoutSeconds: 5, failureThreshold: 6 },
    readinessProbe: { ...probe, periodSeconds: 5, timeoutSeconds: 5, failureThreshold: 2 },
    resources: {
      requests: { cpu: pod.cpu, memory: pod.memory, "ephemeral-storage": "2Gi" },
      limits: {
        memory: pod.memory,
        "ephemeral-storage": "7Gi",
        ...(pod.gpu > 0 ? { "nvidia.com/gpu": String(pod.gpu) } : {}),
      },
    },
    securityContext: restricted,
    volumeMounts: [
      ...secretsOf(pod).map(({ name }) => ({ name, mountPath: `/etc/trainyard/${name}`, readOnly: true })),
      { name: "cache", mountPath: "/var/lib/trainyard" },
      { name: "tmp", mountPath: "/tmp" },
    ],
  };
}

function environmentOf({ gpu, mtls }: WorkerPod): Part[] {
  const field = (name: string, fieldPath: string) => ({ name, valueFrom: { fieldRef: { fieldPath } } });
  const value = (name: string, text: string) => ({ name, value: text });
  return [
    field("POD_NAME", "metadata.name"),
    field("POD_IP", "status.podIP"),
    value("TRAINYARD_TLS", "/etc/trainyard/tls"),
    ...(mtls ? [] : [value("TRAINYARD_TOKENS", "/etc/trainyard/tokens/tokens.json")]),
    ...(mtls ? [] : [value("TRAINYARD_TOKEN_FILE", "/etc/trainyard/token/token")]),
    ...(gpu > 0 ? [value("TRAINYARD_DEVICE", "gpu")] : []),
    ...(gpu > 0 ? [value("CUDA_CACHE_PATH", "/var/lib/trainyard/cuda")] : []),
  ];
}

/** The Secrets that a worker's pod mounts, each with the name of its volume. */
function secretsOf({ mtls }: WorkerPod): { readonly name: string; readonly secretName: string }[] {
  return [
    { name: "tls", secretName: "trainyard-tls-worker" },
    ...(mtls ? [] : [{ name: "tokens", secretName: "trainyard-tokens" }]),
    ...(mtls ? [] : [{ name: "token", secretName: "trainyard-worker-token" }]),
  ];
}

const volumesOf = (pod: WorkerPod): Part[] => [
  ...secretsOf(pod).map(({ name, secretName }) => ({ name, secret: { secretName, defaultMode: 0o440 } })),
  { name: "cache", emptyDir: { sizeLimit: "5Gi" } },
  { name: "tmp", emptyDir: { sizeLimit: "1Gi" } },
];
