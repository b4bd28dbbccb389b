/** Where kustomize, kubeconform and the schemas lie with which Kubernetes objects are checked, and their versions. */
import { createHash } from "node:crypto";
import { join } from "node:path";
import { cacheFolder } from "../../../engine/native/setup/cache-folder.mjs";

/** Of the schemas, and of the API that the lab runs. */
export const kubernetesVersion = "1.34.0";
/** kustomize is the one that kubectl 1.34 has built in. */
export const programs = {
  kustomize: "sigs.k8s.io/kustomize/kustomize/v5@v5.7.1",
  kubeconform: "github.com/yannh/kubeconform/cmd/kubeconform@v0.8.0",
};
/** A Python package that ships the JSON schemas of many versions of Kubernetes. */
export const schemaPackage = "kubernetes-validate==1.37.0";

/** Go modules that ship the definitions of the custom resources which the components use, and where in them. */
export const customResourceModules = [
  {
    module: "github.com/cert-manager/cert-manager@v1.19.1",
    files: ["deploy/crds/cert-manager.io_certificates.yaml", "deploy/crds/cert-manager.io_issuers.yaml"],
  },
  {
    module: "github.com/prometheus-operator/prometheus-operator@v0.92.1",
    files: [
      "example/prometheus-operator-crd/monitoring.coreos.com_podmonitors.yaml",
      "example/prometheus-operator-crd/monitoring.coreos.com_prometheusrules.yaml",
    ],
  },
  {
    module: "sigs.k8s.io/kueue@v0.17.0",
    files: [
      "config/components/crd/bases/kueue.x-k8s.io_clusterqueues.yaml",
      "config/components/crd/bases/kueue.x-k8s.io_localqueues.yaml",
      "config/components/crd/bases/kueue.x-k8s.io_resourceflavors.yaml",
    ],
  },
];

const key = createHash("sha256")
  .update(JSON.stringify([3, kubernetesVersion, programs, schemaPackage, customResourceModules]))
  .digest("hex")
  .slice(0, 12);
export const kubernetesFolder = join(cacheFolder(), `kubernetes-${key}`);
export const kustomizeProgram = join(kubernetesFolder, "kustomize");
export const kubeconformProgram = join(kubernetesFolder, "kubeconform");
/** One JSON schema a kind, unknown fields refused: KIND-GROUP-VERSION.json, as kubeconform looks for them. */
export const schemaFolder = join(kubernetesFolder, "schemas");
/** The definitions as the modules have them, for a server. */
export const customResourceFolder = join(kubernetesFolder, "custom-resources");
