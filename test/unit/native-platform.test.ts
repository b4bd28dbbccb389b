/** Which machines the set-up takes, and the sentence that each other one gets. */
import { describe, expect, it } from "vitest";
import { checkPlatform, thisMachine } from "../../engine/native/setup/platform.mjs";
import { SetupError } from "../../engine/native/setup/setup-error.mjs";

const debian = { node: "20.19.0", os: "linux", arch: "x64", glibc: "2.36" };

describe("the platform check", () => {
  it.each(["20.19.0", "20.20.2", "22.1.0", "24.0.0", "25.3.1"])("takes Node %s", (node) => {
    expect(checkPlatform({ ...debian, node }).name).toBe("linux-x64");
  });

  it.each(["12.22.0", "18.20.4", "20.18.3"])("refuses Node %s, naming what it needs", (node) => {
    expect(() => checkPlatform({ ...debian, node })).toThrow(
      `Trainyard needs Node 20.19 or newer, and this is Node ${node}. Get a newer one, for example: nvm install 24`,
    );
  });

  it("refuses musl with an image that works", () => {
    expect(() => checkPlatform({ ...debian, glibc: null })).toThrow(/uses musl.*docker run .*bookworm/);
  });

  it("refuses a glibc older than the library was built for", () => {
    expect(() => checkPlatform({ ...debian, glibc: "2.17" })).toThrow(
      /needs glibc 2\.27 or newer.*has 2\.17/,
    );
    expect(checkPlatform({ ...debian, glibc: "2.27" }).name).toBe("linux-x64");
  });

  it.each([
    ["darwin", "arm64"],
    ["win32", "x64"],
    ["linux", "ia32"],
  ])("refuses %s %s, naming what is supported", (os, arch) => {
    const check = () => checkPlatform({ ...debian, os, arch, glibc: null });
    expect(check).toThrow(SetupError);
    expect(check).toThrow(/trains on Linux x64 and arm64.*docker run/);
  });

  it("takes the package that is TensorFlow's CPU build on arm64, where there is no tensorflow-cpu", () => {
    const { wheel } = checkPlatform({ ...debian, arch: "arm64" });
    expect(wheel.distribution).toBe("tensorflow");
    expect(wheel.file).toMatch(/aarch64/);
  });

  it("takes TensorFlow's GPU build on x64, and refuses it where that build has no CUDA", () => {
    const platform = checkPlatform(debian, "gpu");
    expect(platform).toMatchObject({
      name: "linux-x64",
      build: "gpu",
      wheel: { distribution: "tensorflow" },
    });
    expect(() => checkPlatform({ ...debian, arch: "arm64" }, "gpu")).toThrow(
      /comes with CUDA for Linux x64 only, and this is linux-arm64.*npx trainyard setup$/,
    );
  });

  it("describes this machine as one that it takes", () => {
    expect(checkPlatform(thisMachine()).name).toBe(`${process.platform}-${process.arch}`);
  });
});
