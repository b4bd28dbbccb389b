/** From what a user writes to a store: the forms, and a sentence for everything else. */
import { mkdtemp, readdir, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { openStore } from "../../shared/store/open.js";
import { readS3Credentials } from "../../shared/store/s3-credentials.js";
import { parseS3Url } from "../../shared/store/s3-location.js";

let folder: string;
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), "trainyard-open-"));
});
afterAll(() => rm(folder, { recursive: true }));

describe("opening a store", () => {
  test("takes file:PATH and a path that begins with a dot or a slash", async () => {
    const relative = `./${"../".repeat(20)}${folder.slice(1)}`;
    for (const url of [`file:${folder}/a b%20`, `${folder}/c`, `file://${folder}/d%20e`, `${relative}/f`]) {
      const store = await openStore(url);
      await store.put("x", Buffer.from("x"));
    }
    expect((await readdir(folder)).sort()).toEqual(["a b%20", "c", "d e", "f"]);
  });

  test.each(["photos", "", "file:", "http://host/bucket", "s4://host/bucket", "C:\\store"])(
    "refuses %j and shows both forms",
    async (url) => {
      await expect(openStore(url)).rejects.toMatchObject({
        code: "USAGE",
        message: expect.stringMatching(/file:PATH.*s3:\/\/HOST:PORT\/BUCKET/),
      });
    },
  );

  test("refuses an S3 store without credentials, naming the variables", async () => {
    await expect(openStore("s3://localhost:9000/bucket", { environment: {} })).rejects.toMatchObject({
      code: "USAGE",
      message: expect.stringMatching(/TRAINYARD_S3_ACCESS_KEY.*AWS_ACCESS_KEY_ID.*_FILE/),
    });
  });
});

describe("an S3 URL", () => {
  test.each([
    ["s3://localhost:9000/bucket", { host: "localhost", port: 9000, isSecure: false, prefix: "" }],
    ["s3://127.0.0.1/bucket/", { port: 80, isSecure: false, prefix: "" }],
    ["s3://[::1]:9000/bucket", { host: "::1", isSecure: false }],
    ["s3://minio:9000/bucket/a/b/", { host: "minio", port: 9000, isSecure: true, prefix: "a/b/" }],
    ["s3+http://minio:9000/bucket/Südtirol 猫", { isSecure: false, prefix: "Südtirol 猫/" }],
    ["s3+https://localhost/bucket", { isSecure: true, port: 443 }],
    ["s3://s3.amazonaws.com/my.bucket-1", { bucket: "my.bucket-1", isSecure: true, port: 443 }],
  ])("%s says where and how", (url, expected) => {
    expect(parseS3Url(url)).toMatchObject({ url, ...expected });
  });

  test.each([
    "s3://bucket",
    "s3:///bucket",
    "s3:bucket",
    "s3://host:0/bucket",
    "s3://host:99999/bucket",
    "s3://host/Bucket",
    "s3://host/ab",
    "s3://host/bucket/a//b",
    "s3://host/bucket/../x",
  ])("%s is refused", (url) => {
    expect(() => parseS3Url(url)).toThrow(expect.objectContaining({ code: "USAGE" }));
  });

  test("with credentials in it is refused without repeating them", () => {
    expect(() => parseS3Url("s3://user:geheim@host/bucket")).toThrow(
      expect.objectContaining({ code: "USAGE", message: expect.not.stringContaining("geheim") }),
    );
  });
});

describe("S3 credentials", () => {
  test("come from our variables before AWS', from files too, with the region", async () => {
    const secret = join(folder, "secret");
    await writeFile(secret, "from file\n");
    expect(
      readS3Credentials({
        TRAINYARD_S3_ACCESS_KEY: "ours",
        TRAINYARD_S3_SECRET_KEY_FILE: secret,
        AWS_ACCESS_KEY_ID: "theirs",
        AWS_SECRET_ACCESS_KEY: "theirs",
        AWS_REGION: "eu-central-1",
      }),
    ).toMatchObject({ accessKey: "ours", secretKey: "from file", region: "eu-central-1" });
    expect(readS3Credentials({ AWS_ACCESS_KEY_ID: "a", AWS_SECRET_ACCESS_KEY: "b" })).toMatchObject({
      accessKey: "a",
      secretKey: "b",
      region: "us-east-1",
    });
  });

  test("are refused when half is missing, naming the missing half", () => {
    expect(() => readS3Credentials({ TRAINYARD_S3_SECRET_KEY: "x" })).toThrow(
      /TRAINYARD_S3_ACCESS_KEY is not/,
    );
    expect(() => readS3Credentials({ AWS_ACCESS_KEY_ID: "x" })).toThrow(/AWS_SECRET_ACCESS_KEY is not/);
  });
});
