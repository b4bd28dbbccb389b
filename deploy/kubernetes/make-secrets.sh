#!/bin/sh
# Makes the Secrets that deploy/kubernetes names, from `trainyard certs` and `trainyard tokens`:
#   make-secrets.sh FOLDER [NAMESPACE]
# What it made before is kept in FOLDER, so running it again renews the certificates and changes nothing else. Keep FOLDER:
# it holds the CA's key, and the operator's token and certificate for your own command line. Without ACCESS_KEY and SECRET_KEY
# of a store in the environment it draws some, which is right for the component minio only.
set -eu
[ $# -ge 1 ] || { sed -n '2,3p' "$0" >&2; exit 2; }
folder=$1 namespace=${2:-trainyard}
here=$(cd "$(dirname "$0")" && pwd)
trainyard() { node "$here/../../bin/trainyard.mjs" "$@"; }
umask 077
mkdir -p "$folder"

service=trainyard-coordinator
trainyard certs "$folder/certs" \
  --name "$service" "$service.$namespace" "$service.$namespace.svc" "$service.$namespace.svc.cluster.local"

for role in worker viewer operator; do
  [ -s "$folder/$role.token" ] ||
    trainyard tokens create --role "$role" --name "$namespace" --file "$folder/tokens.json" --out "$folder/$role.token"
done

# Without an end of line: whoever reads a Secret takes it as it is.
keep() { [ -s "$folder/$1" ] || printf %s "$2" >"$folder/$1"; }
random() { od -An -N24 -tx1 /dev/urandom | tr -d ' \n'; }
keep access-key "${ACCESS_KEY:-trainyard}"
keep secret-key "${SECRET_KEY:-$(random)}"
keep root-user root
keep root-password "$(random)"
for role in worker viewer operator; do tr -d '\n' <"$folder/$role.token" >"$folder/$role.token.line"; done

# secret NAME KEY=FILE...
secret() {
  name=$1
  shift
  for pair in "$@"; do set -- "$@" "--from-file=${pair%%=*}=$folder/${pair#*=}"; shift; done
  kubectl create secret generic "$name" --namespace "$namespace" "$@" --dry-run=client --output yaml |
    kubectl apply --server-side --validate=strict --filename -
}
kubectl get namespace "$namespace" >/dev/null 2>&1 ||
  sed "s/^  name: trainyard$/  name: $namespace/" "$here/base/namespace.yaml" |
  kubectl apply --server-side --validate=strict --filename -
for part in coordinator worker operator; do
  secret "trainyard-tls-$part" "ca.crt=certs/$part/ca.crt" "tls.crt=certs/$part/tls.crt" "tls.key=certs/$part/tls.key"
done
secret trainyard-tokens tokens.json=tokens.json
secret trainyard-worker-token token=worker.token.line
secret trainyard-operator-token token=operator.token.line
secret trainyard-prometheus-token token=viewer.token.line
secret trainyard-store access-key=access-key secret-key=secret-key
# Of the component minio only: nobody else has its root's.
secret trainyard-minio root-user=root-user root-password=root-password
