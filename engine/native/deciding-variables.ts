/**
 * The environment variables that decide bits and are no setting of a run. Either TensorFlow does not see them, or they are part
 * of the worker's fingerprint:
 * - What TensorFlow, oneDNN, OpenMP and CUDA's libraries read when they are loaded or first used is taken away before that.
 *   Nobody needs it, because threads, oneDNN and formats are settings of the run. The list is of prefixes, so a variable
 *   that a later library reads is hidden too.
 * - What takes effect when the process starts can't be taken away any more: glibc's choice of mathematical functions, libraries
 *   put before others, and the instruction sets of the image libraries. It is in the fingerprint while it is set.
 */

/** Beginnings of the names that TensorFlow and its libraries read. */
const hiddenPrefixes = [
  "TF_",
  "TFRT_",
  "XLA_",
  "ONEDNN_",
  "DNNL_",
  "DISABLE_DNNL_",
  "OMP_",
  "KMP_",
  "GOMP_",
  "MKL_",
  "CUBLAS",
  "CUDNN_",
  "NVIDIA_TF32_",
];

/** Variables of these beginnings that concern logs or memory, and no number. */
const harmless: ReadonlySet<string> = new Set([
  "TF_CPP_MIN_LOG_LEVEL",
  "TF_CPP_MAX_VLOG_LEVEL",
  "TF_CPP_VMODULE",
  "TF_FORCE_GPU_ALLOW_GROWTH",
  "TF_FORCE_UNIFIED_MEMORY",
  "TF_GPU_ALLOCATOR",
  "TF_GPU_HOST_MEM_LIMIT_IN_MB",
]);

/** Names of variables that act when a process starts. */
const atStart = /^(GLIBC_TUNABLES|LD_PRELOAD|JSIMD_\w+|VIPS_NOVECTOR|VIPS_VECTOR|AOM_SIMD_CAPS\w*)$/;

type Environment = Readonly<Record<string, string | undefined>>;

/** The names that are taken away before TensorFlow is loaded, in code-point order. */
export const hiddenVariables = (environment: Environment): string[] =>
  Object.keys(environment)
    .filter((name) => hiddenPrefixes.some((prefix) => name.startsWith(prefix)) && !harmless.has(name))
    .sort();

/** A line for the log when variables are taken away that a user may have set on purpose; null without any. */
export function hiddenSentence(environment: Environment): string | null {
  const names = hiddenVariables(environment).filter((name) => name !== "TF_ENABLE_ONEDNN_OPTS");
  if (names.length === 0) return null;
  const they = names.length === 1 ? "it" : "they";
  return `TensorFlow does not see ${names.join(", ")}: ${they} could change the bits of results`;
}

/** The variables that acted when this process started, as `NAME=value`, in code-point order. */
export const startVariables = (environment: Environment): string[] =>
  Object.entries(environment)
    .filter(([name, value]) => atStart.test(name) && value !== undefined && value !== "")
    .map(([name, value]) => `${name}=${value}`)
    .sort();
