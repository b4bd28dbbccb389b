#!/bin/sh
# The one-shot service `store`: makes the user with whose keys the coordinator and the operator use MinIO. It has the bucket
# `trainyard` and nothing else, so root's keys stay with MinIO. Done again, it changes nothing but renewed keys.
set -eu
cd /run/secrets/store
mc alias set store http://minio:9000 "$(cat root-user)" "$(cat root-password)" >/dev/null
mc mb --ignore-existing store/trainyard
mc admin policy create store trainyard /opt/compose/store-policy.json
mc admin user add store "$(cat access-key)" "$(cat secret-key)" >/dev/null
mc admin policy attach store trainyard --user "$(cat access-key)" 2>/dev/null ||
  mc admin policy entities store --user "$(cat access-key)" | grep -q trainyard
echo "the user $(cat access-key) has the bucket trainyard"
