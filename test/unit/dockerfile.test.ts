/** What the images promise: of one version, not root, an init above Node, nothing in them that builds or installs. */
import { readFileSync } from "node:fs";
import { describe, expect, it } from "vitest";
import { programVersion } from "../../shared/version.js";

/** Stages in order: what they stand on, and their instructions with continued lines joined. */
const stages = readFileSync("deploy/Dockerfile", "utf8")
  .replace(/^\s*#.*\n/gm, "")
  .replace(/\\\n/g, " ")
  .split(/^(?=FROM )/m)
  .filter((text) => text.startsWith("FROM "))
  .map((text) => {
    const [, from = "", name = ""] = /^FROM (\S+) AS (\S+)/.exec(text) ?? [];
    return { name, from, lines: text.split("\n").filter((line) => line !== "") };
  });
const stage = (name: string) => {
  const found = stages.find((candidate) => candidate.name === name);
  if (found === undefined) throw new Error(`the Dockerfile has no stage ${name}`);
  return found;
};
/** Of the stage and of those it stands on. */
const linesOf = (name: string): string[] => {
  const { from, lines } = stage(name);
  return stages.some((candidate) => candidate.name === from) ? [...linesOf(from), ...lines] : lines;
};
const last = (name: string, instruction: string) =>
  linesOf(name).findLast((line) => line.startsWith(`${instruction} `));

describe.each(["coordinator", "worker-cpu", "worker-gpu", "cli", "seed"])("the image %s", (name) => {
  it("is of this version and says its licence", () => {
    expect(linesOf(name)).toContain(`ARG VERSION=${programVersion()}`);
    const labels = linesOf(name)
      .filter((line) => line.startsWith("LABEL "))
      .join(" ");
    for (const label of ["title=", "description=", `version="\${VERSION}"`, 'licenses="Apache-2.0"'])
      expect(labels).toContain(`org.opencontainers.image.${label}`);
  });

  it("runs as a user without rights, under an init", () => {
    expect(last(name, "USER")).toBe("USER 65532:65532");
    expect(last(name, "ENTRYPOINT")).toBe('ENTRYPOINT ["/usr/bin/tini", "--", "trainyard"]');
  });

  it("has no compiler, no Python and no package manager of either", () => {
    const installed = linesOf(name).filter((line) => /apt-get install|npm ci|npm install|pip/.test(line));
    expect(installed).toHaveLength(1);
    expect(installed[0]).toMatch(/apt-get install -y --no-install-recommends ca-certificates tini +&&/);
    expect(installed[0]).toMatch(/rm -rf \/usr\/local\/lib\/node_modules /);
  });
});

it.each(["coordinator", "worker-cpu", "worker-gpu"])("%s is asked for its health without curl", (name) => {
  expect(last(name, "HEALTHCHECK")).toMatch(/CMD \["node", "\/opt\/trainyard\/bin\/health\.mjs"/);
});

it("the coordinator's packages are without TensorFlow", () => {
  expect(last("coordinator-packages", "RUN")).toMatch(
    /npm uninstall --omit=dev .*@tensorflow\/tfjs-node-gpu/,
  );
  const copied = stage("coordinator").lines.filter((line) => line.startsWith("COPY "));
  expect(copied.filter((line) => /=packages|tensorflow/.test(line))).toEqual([]);
});

it("every stage stands on Debian's slim Node of one major version, or on another stage", () => {
  expect(readFileSync("deploy/Dockerfile", "utf8")).toMatch(/^ARG NODE_IMAGE=node:22-bookworm-slim$/m);
  for (const { from } of stages) {
    expect(from === `\${NODE_IMAGE}` || stages.some(({ name }) => name === from)).toBe(true);
  }
});
