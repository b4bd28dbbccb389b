/** What compose.yaml promises a person who runs it on a machine with other users and a network. */
import { readFileSync } from "node:fs";
import { describe, expect, it } from "vitest";
import { readers } from "../../deploy/compose/secret-files.mjs";
import { knownVariables } from "../../shared/settings/variables.js";
import { programVersion } from "../../shared/version.js";
import { readCompose, withDefaults } from "../support/compose-file.js";

const compose = readCompose("compose.yaml");
const gpu = readCompose("compose.gpu.yaml");
const services = Object.entries(compose.services);
const standing = services.filter(([, { restart }]) => restart === "unless-stopped");

describe.each(services)("the service %s", (name, service) => {
  const image = withDefaults(service.image);

  it("has an image of one version", () => {
    expect(image).toMatch(/^[a-z0-9./-]+:[\w.-]+$/);
    expect(image).not.toMatch(/:(latest|main|edge|master)$/);
    if (image.startsWith("trainyard/")) expect(image.split(":")[1]).toBe(programVersion());
  });

  it("is reached from this machine only", () => {
    for (const port of service.ports ?? []) expect(port).toMatch(/^127\.0\.0\.1:\$\{\w+:-\d+\}:\d+$/);
  });

  it("writes where something is mounted, and can gain nothing", () => {
    expect(service.read_only).toBe(true);
    expect(service.cap_drop).toEqual(["ALL"]);
    expect(service.security_opt).toEqual(["no-new-privileges:true"]);
    expect(service.cap_add ?? []).toEqual(name === "secrets" ? ["CHOWN"] : []);
  });

  it("is not root, but for the one that gives secrets to their readers", () => {
    const user = service.user ?? (image.startsWith("trainyard/") ? "65532" : "0");
    expect(user.split(":")[0] === "0").toBe(name === "secrets");
  });

  it("takes a limited part of the machine and of its disk", () => {
    expect(Object.keys(service.deploy?.resources.limits ?? {}).sort()).toEqual(["cpus", "memory", "pids"]);
    expect(Object.keys(service.logging?.options ?? {}).sort()).toEqual(["max-file", "max-size"]);
  });

  it("mounts secrets of its own only, to read", () => {
    const secrets = (service.volumes ?? []).filter((volume) => volume.startsWith("secrets-"));
    if (name === "secrets") return expect(secrets).toHaveLength(8);
    expect(secrets.length).toBeLessThanOrEqual(1);
    for (const volume of secrets) expect(volume).toMatch(/:ro$/);
  });
});

it("each reader has its secrets in a volume that nobody else mounts, but for the two of the operator", () => {
  const readers = services.filter(([name]) => name !== "secrets");
  const mounted = readers.flatMap(([name, { volumes = [] }]) =>
    volumes.filter((volume) => volume.startsWith("secrets-")).map((volume) => [volume.split(":")[0], name]),
  );
  const others = mounted.filter(([volume]) => volume !== "secrets-operator").map(([volume]) => volume);
  expect(new Set(others).size).toBe(others.length);
  const operators = mounted.filter(([volume]) => volume === "secrets-operator").map(([, name]) => name);
  expect(operators).toEqual(["cli", "seed"]);
});

it("no worker has keys of the store, and nobody but MinIO and its user's maker has root's", () => {
  const environmentOf = (name: string) => Object.entries(compose.services[name]?.environment ?? {});
  for (const [, value] of environmentOf("worker")) expect(value).not.toContain("/store/");
  expect(environmentOf("worker").map(([name]) => name)).not.toContain("TRAINYARD_STORE");
  const holding = (secret: string) =>
    Object.entries(readers).flatMap(([reader, { files }]) =>
      Object.values(files).includes(secret) ? [reader] : [],
    );
  expect(holding("store-password")).toEqual(["store", "coordinator", "operator"]);
  expect(holding("minio-password")).toEqual(["minio", "store"]);
});

it.each(standing)("%s is looked at, started again, and given time to leave", (_, service) => {
  expect(service.healthcheck?.test[0]).toBe("CMD");
  expect(service.stop_grace_period).toBe("30s");
});

it.each([...services, ...Object.entries(gpu.services)])(
  "%s sets no variable that nobody reads",
  async (_, service) => {
    const names = Object.keys(service.environment ?? {}).filter((name) => name.startsWith("TRAINYARD_"));
    const known = knownVariables();
    expect(names.filter((name) => !known.has(name))).toEqual([]);
  },
);

it.each([...services, ...Object.entries(gpu.services)])("%s gets no secret but by a file", (_, service) => {
  for (const [name, value] of Object.entries(service.environment ?? {})) {
    if (/PASSWORD|SECRET|TOKEN|ACCESS_KEY|ROOT_USER/.test(name)) {
      expect(name).toMatch(/_FILE$|^TRAINYARD_TOKENS$/);
      expect(value).toMatch(/^\/(etc\/trainyard|run\/secrets)\//);
    }
  }
});

it("every target that compose builds stands in the Dockerfile", () => {
  const targets = [...readFileSync("deploy/Dockerfile", "utf8").matchAll(/^FROM .* AS (\S+)$/gm)].map(
    ([, name]) => name,
  );
  const built = [...services, ...Object.entries(gpu.services)].flatMap(
    ([, { build }]) => build?.target ?? [],
  );
  expect(built.length).toBeGreaterThan(4);
  for (const target of built) expect(targets).toContain(target);
});

it("every named volume is declared", () => {
  const named = services.flatMap(([, { volumes = [] }]) =>
    volumes.map((volume) => volume.split(":")[0] ?? ""),
  );
  const declared = Object.keys(compose.volumes ?? {});
  expect(named.filter((name) => !name.startsWith(".") && !declared.includes(name))).toEqual([]);
});
