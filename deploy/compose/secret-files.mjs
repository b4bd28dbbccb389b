/**
 * Whose secret is what: each reader of compose.yaml has a folder, a volume that nobody else mounts, with copies of what it
 * needs, readable for its user alone. The originals lie with the authority, which only the service `secrets` mounts.
 */
import { chownSync, existsSync, mkdirSync, readFileSync, renameSync, rmSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";

const root = process.env["SECRETS_FOLDER"] ?? "/secrets";

/** @param {string} name of an original, below the authority's folder */
export const original = (name) => join(root, "authority", name);

/** @param {string} certificate */
const tlsOf = (certificate) => ({
  "tls/ca.crt": "certs/ca/ca.crt",
  "tls/tls.crt": `certs/${certificate}/tls.crt`,
  "tls/tls.key": `certs/${certificate}/tls.key`,
});
const rootOfMinio = { "root-user": "minio-user", "root-password": "minio-password" };
const store = { "store/access-key": "store-user", "store/secret-key": "store-password" };
const tokens = { "tokens/tokens.json": "tokens.json" };

/**
 * Users as compose.yaml and the images have them; files by where they are wanted.
 * @type {Readonly<Record<string, { user: number, files: Readonly<Record<string, string>> }>>}
 */
export const readers = {
  minio: { user: 65533, files: rootOfMinio },
  store: {
    user: 65533,
    files: { ...rootOfMinio, "access-key": "store-user", "secret-key": "store-password" },
  },
  coordinator: { user: 65532, files: { ...tlsOf("coordinator"), ...tokens, ...store } },
  worker: {
    user: 65532,
    files: { ...tlsOf("worker"), ...tokens, "token/token": "worker-token" },
  },
  operator: {
    user: 65532,
    files: { "tls/ca.crt": "certs/ca/ca.crt", ...store, "token/token": "operator-token" },
  },
  prometheus: { user: 65534, files: { "ca.crt": "certs/ca/ca.crt", token: "viewer-token" } },
  grafana: { user: 472, files: { "admin-password": "grafana-password" } },
};

/** Gives every reader what is its. */
export function distribute() {
  for (const [reader, { user, files }] of Object.entries(readers)) {
    for (const [name, source] of Object.entries(files))
      give(join(root, reader, name), user, original(source));
  }
  // Earlier versions gave MinIO's root keys to workers.
  rmSync(join(root, "worker", "store"), { recursive: true, force: true });
  // MinIO makes its files in a volume that Docker made for root.
  chownSync(join(root, "minio-data"), 65533, 65533);
}

/**
 * Whole or not at all, since the reader may look at any moment.
 * @param {string} target
 * @param {number} user
 * @param {string} source
 */
function give(target, user, source) {
  const text = readFileSync(source);
  mkdirSync(dirname(target), { recursive: true, mode: 0o755 });
  const draft = `${target}.new`;
  rmSync(draft, { force: true });
  writeFileSync(draft, text, { mode: 0o400 });
  chownSync(draft, user, user);
  renameSync(draft, target);
}

/**
 * Keeps what is there already.
 * @param {string} name of an original
 * @param {() => string} make
 */
export function keepOrMake(name, make) {
  if (!existsSync(original(name))) writeOriginal(name, make());
}

/**
 * @param {string} name
 * @param {string} text
 */
export function writeOriginal(name, text) {
  const draft = `${original(name)}.new`;
  writeFileSync(draft, text, { mode: 0o600 });
  renameSync(draft, original(name));
}

/** @param {string} name */
export const readOriginal = (name) => readFileSync(original(name), "utf8").trim();
