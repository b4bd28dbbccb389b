/** Join tokens: what is kept of one, what it opens, and when it opens nothing any more. */
import { mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, describe, expect, it } from "vitest";
import { readTokenFile, readTokenFileOrNone, writeTokenFile } from "../../shared/security/token-file.js";
import { drawToken, findToken, isTokenForm } from "../../shared/security/tokens.js";
import { runProgramHere } from "../support/program-here.js";

const folder = mkdtempSync(join(tmpdir(), "trainyard-tokens-"));
afterAll(() => rmSync(folder, { recursive: true }));

const now = new Date("2030-01-01T00:00:00Z");
const later = (days: number) => new Date(now.getTime() + days * 86_400_000);

describe("a token", () => {
  const { token, entry } = drawToken({ role: "worker", name: "gpu-1", expires: later(2) }, []);

  it("is found by its whole text only, and its secret is nowhere in what is kept", () => {
    expect(isTokenForm(token)).toBe(true);
    expect(findToken([entry], token, now)).toBe(entry);
    const [, , secret = ""] = token.split(".");
    expect(Buffer.from(secret, "base64url")).toHaveLength(32);
    expect(JSON.stringify(entry)).not.toContain(secret);
    const other = `${token.slice(0, -1)}${token.endsWith("A") ? "B" : "A"}`;
    for (const wrong of [other, `ty1.00000000.${secret}`, secret, "", `${token}x`, `${token}\n${token}`])
      expect(findToken([entry], wrong, now)).toBeNull();
  });

  it("opens nothing once it has expired or was revoked", () => {
    expect(findToken([entry], token, later(1.99))).toBe(entry);
    expect(findToken([entry], token, later(2))).toBeNull();
    const revoked = { ...entry, revoked: now.toISOString() };
    expect(findToken([revoked], token, now)).toBeNull();
  });

  it("has an id that no other has", () => {
    const taken = Array.from({ length: 50 }, () => drawToken({ role: "viewer" }, []).entry);
    expect(taken.map(({ id }) => id)).not.toContain(drawToken({ role: "viewer" }, taken).entry.id);
  });
});

describe("the file of tokens", () => {
  const file = join(folder, "tokens.json");

  it("is read as it was written; a missing file is empty only for the command that fills it", () => {
    const entries = [drawToken({ role: "operator" }, []).entry];
    writeTokenFile(file, entries);
    expect(readTokenFile(file)).toEqual(entries);
    expect(readTokenFileOrNone(join(folder, "none.json"))).toEqual([]);
    expect(() => readTokenFile(join(folder, "none.json"))).toThrow("trainyard tokens create");
  });

  it.each([
    ["{", "is no JSON"],
    ['[{"id":"12345678","role":"king"}]', "(0.role:"],
    ["{}", "is not what trainyard tokens writes"],
  ])("that holds %s is refused in a sentence", (text, sentence) => {
    const broken = join(folder, "broken.json");
    writeFileSync(broken, text);
    expect(() => readTokenFileOrNone(broken)).toThrow(sentence);
  });
});

describe("trainyard tokens", () => {
  const file = join(folder, "made.json");
  const tokens = (...words: string[]) => runProgramHere(["tokens", ...words, "--file", file]);

  it("creates one that is shown once, lists it without its hash, and revokes it by its id or itself", async () => {
    const made = await tokens("create", "--role", "worker", "--name", "gpu-1");
    expect(made.code).toBe(0);
    const token = made.stdout.trim();
    expect(findToken(readTokenFile(file), token, new Date())).toMatchObject({
      role: "worker",
      name: "gpu-1",
    });
    const listed = await tokens("list", "--json");
    expect(listed.stdout).not.toContain("sha256");
    expect(JSON.parse(listed.stdout)).toMatchObject([{ role: "worker", name: "gpu-1" }]);
    expect((await tokens("revoke", token)).code).toBe(0);
    expect(findToken(readTokenFile(file), token, new Date())).toBeNull();
    expect((await tokens("list")).stdout).toContain("revoked");
  });

  it("writes one to a new file that only its owner reads, and never over another", async () => {
    const out = join(folder, "worker.token");
    const made = await tokens("create", "--role", "worker", "--out", out);
    expect(made.stdout).not.toContain("ty1.");
    expect(statSync(out).mode & 0o777).toBe(0o600);
    const before = readTokenFile(file).length;
    const again = await tokens("create", "--role", "worker", "--out", out);
    expect([again.code, again.stderr]).toEqual([2, expect.stringContaining("it is there already")]);
    expect(readTokenFile(file)).toHaveLength(before);
    expect(findToken(readTokenFile(file), readFileSync(out, "utf8").trim(), new Date())).not.toBeNull();
  });

  it.each([
    [["create"], "--role is required"],
    [["create", "--role", "king"], "--role must be one of worker, viewer, operator"],
    [["create", "--role", "viewer", "--days", "0"], "--days must be above 0"],
    [["revoke", "99999999"], 'there is no token "99999999"'],
  ])("refuses %j in a sentence", async (words, sentence) => {
    const { code, stderr } = await tokens(...words);
    expect([code, stderr]).toEqual([2, expect.stringContaining(sentence)]);
  });
});
