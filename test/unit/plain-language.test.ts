/**
 * The words of the code: comments that can be read alone, no citation of a document that is not in the repository, no
 * word that the glossary has retired, and no link or path in a document that leads nowhere.
 */
import { execFileSync } from "node:child_process";
import { existsSync, readFileSync } from "node:fs";
import { dirname, join, normalize } from "node:path";
import ts from "typescript";
import { describe, expect, it } from "vitest";

const tracked = execFileSync("git", ["ls-files"], { encoding: "utf8" }).split("\n").filter(existsSync);
const sources = tracked.filter((file) => /\.(ts|mjs|proto)$/.test(file) && !file.includes("/generated/"));
const program = sources.filter((file) => file.endsWith(".ts") && !file.startsWith("test/"));
const documents = tracked.filter((file) => file.endsWith(".md"));

/** Beginnings that need the line above, or the parent symbol, to make sense. */
const dependent = /^(Of|Nor|Whoever|Whatever|Those|Theirs|What is left|That of)\b/;
/** Words that point instead of naming. */
const pointing = /\b(somebody|somebody's|nobody's|told of|whoever)\b/i;

interface Comment {
  readonly at: string;
  readonly text: string;
}

/** Doc comments of a file: of declarations and of members of types and classes. */
function docComments(file: string): Comment[] {
  const source = ts.createSourceFile(file, readFileSync(file, "utf8"), ts.ScriptTarget.Latest, true);
  const found: Comment[] = [];
  const visit = (node: ts.Node): void => {
    for (const doc of ts.getJSDocCommentsAndTags(node).filter(ts.isJSDoc)) {
      const line = source.getLineAndCharacterOfPosition(doc.getStart()).line + 1;
      const text = (ts.getTextOfJSDocComment(doc.comment) ?? "").replace(/\s+/g, " ").trim();
      found.push({ at: `${file}:${line}`, text });
    }
    ts.forEachChild(node, visit);
  };
  visit(source);
  return found;
}

const comments = program.flatMap(docComments);

const saying = (pattern: RegExp) =>
  comments.filter(({ text }) => pattern.test(text)).map(({ at, text }) => `${at} ${text}`);

describe("a doc comment", () => {
  it("is found at all: this suite looks at what it says it looks at", () => {
    expect(comments.length).toBeGreaterThan(1_000);
  });

  it("can be understood without the lines around it", () => {
    expect(saying(dependent)).toEqual([]);
  });

  it("names what it speaks of", () => {
    expect(saying(pointing)).toEqual([]);
  });
});

it("no source cites a document that is not in the repository", () => {
  const citing = sources.filter(
    (file) => file !== "test/unit/plain-language.test.ts" && /\bDESIGN\b/.test(readFileSync(file, "utf8")),
  );
  expect(citing).toEqual([]);
});

describe("docs/glossary.md", () => {
  const glossary = readFileSync("docs/glossary.md", "utf8");
  const rows = [...glossary.matchAll(/^\| ([^|]+) \| ([^|]+) \|(?: ([^|]+) \|)?$/gm)];

  it("has a line a word, each word once", () => {
    const words = rows.map(([, word = ""]) => word.trim());
    expect(words.length).toBeGreaterThan(30);
    expect(words.filter((word, index) => words.indexOf(word) !== index)).toEqual([]);
  });

  it("retires words that no identifier and no file name has any more", () => {
    const retired = [...(/## Retired words[\s\S]*$/.exec(glossary)?.[0] ?? "").matchAll(/^\| `(\w+)` \|/gm)];
    const words = retired.map(([, word = ""]) => word);
    expect(words.length).toBeGreaterThan(8);
    const pattern = new RegExp(`\\b(${words.join("|")})\\b`, "i");
    expect(identifiersOf(program).filter(({ words: parts }) => pattern.test(parts))).toEqual([]);
  });
});

it("tests name the worker, coordinator or person that they speak of", () => {
  const tests = sources.filter(
    (file) => file.startsWith("test/") && file !== "test/unit/plain-language.test.ts",
  );
  expect(tests.length).toBeGreaterThan(100);
  expect(tests.filter((file) => /\bwhoever\b/i.test(readFileSync(file, "utf8")))).toEqual([]);
});

/** Declared names and file names, cut into words at capitals and dashes. */
function identifiersOf(files: readonly string[]): { readonly at: string; readonly words: string }[] {
  const cut = (name: string) => name.replace(/([a-z0-9])([A-Z])/g, "$1 $2").replace(/[-_./#]/g, " ");
  return files.flatMap((file) => {
    const source = ts.createSourceFile(file, readFileSync(file, "utf8"), ts.ScriptTarget.Latest, true);
    const found = [{ at: file, words: cut(file) }];
    const visit = (node: ts.Node): void => {
      const name = (node as { name?: ts.Node }).name;
      if (name !== undefined && (ts.isIdentifier(name) || ts.isPrivateIdentifier(name))) {
        found.push({ at: `${file} ${name.text}`, words: cut(name.text) });
      }
      ts.forEachChild(node, visit);
    };
    visit(source);
    return found;
  });
}

describe("a document", () => {
  it.each(documents)("%s links only to what is there", (file) => {
    const links = [...readFileSync(file, "utf8").matchAll(/\]\(([^)#\s]+)(?:#[^)]*)?\)/g)];
    const missing = links
      .map(([, target = ""]) => target)
      .filter((target) => !/^[a-z]+:/.test(target))
      .filter((target) => !existsSync(normalize(join(dirname(file), target))));
    expect(missing).toEqual([]);
  });

  it.each([
    "ARCHITECTURE.md",
    "docs/glossary.md",
    ...documents.filter((file) => file.startsWith("docs/design/")),
  ])("%s names only files and folders that are there", (file) => {
    const paths = [
      ...readFileSync(file, "utf8").matchAll(/`((?:[\w.-]+\/)+[\w.-]*|[\w-]+\.(?:ts|mjs|md))`/g),
    ].map(([, path = ""]) => path);
    const rooms = new Set(tracked.map((path) => path.split("/")[0]));
    const missing = paths
      .filter((path) => !path.includes("/") || rooms.has(path.split("/")[0]))
      .filter((path) => !existsSync(path) && !existsSync(`${path}.ts`));
    expect(missing).toEqual([]);
  });
});
