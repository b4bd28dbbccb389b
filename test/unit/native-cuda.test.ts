/** Which CUDA libraries belong to the GPU build of TensorFlow, and where they lie beside it. */
import { execFileSync } from "node:child_process";
import { cpSync, mkdirSync, mkdtempSync, readFileSync, rmSync, statSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { cudaFolder, installFolder, libraryFolder } from "../../engine/native/setup/cache-paths.mjs";
import { sha256Of } from "../../engine/native/setup/checksum.mjs";
import { cudaRequirements, requiredCudaWheels } from "../../engine/native/setup/cuda-requirements.mjs";
import { cudaFolderName, cudaWheels } from "../../engine/native/setup/cuda-wheels.mjs";
import { installCuda, installLibrary } from "../../engine/native/setup/install-library.mjs";
import type { Wheel } from "../../engine/native/setup/install-wheel.mjs";
import { downloadFolder } from "../../engine/native/setup/wheel-download.mjs";

const wheel = (distribution: string, version: string): Wheel => ({
  distribution,
  version,
  file: `${distribution}.whl`,
  sha256: "",
  bytes: 0,
  installedBytes: 0,
});

const metadata = `Metadata-Version: 2.1
Name: tensorflow
Requires-Dist: numpy>=1.26.0
Requires-Dist: nvidia-cublas-cu12<13.0,>=12.5.3.2; extra == "and-cuda"
Requires-Dist: nvidia-cudnn-cu12 (>=9.3.0.75, <10.0) ; extra == 'and-cuda'
Requires-Dist: tensorflow-io-gcs-filesystem>=0.23.1; python_version < "3.13" and extra == "gcs-filesystem"
`;

describe("the CUDA libraries of a TensorFlow wheel", () => {
  it("are those of its extra, with their bounds", () => {
    expect(cudaRequirements(metadata)).toEqual([
      { distribution: "nvidia-cublas-cu12", bounds: ["<13.0", ">=12.5.3.2"] },
      { distribution: "nvidia-cudnn-cu12", bounds: [">=9.3.0.75", "<10.0"] },
    ]);
  });

  it("are taken from the pinned wheels, in the order in which it names them", () => {
    const pinned = [wheel("nvidia-cudnn-cu12", "9.10.2.21"), wheel("nvidia-cublas-cu12", "12.5.3.2")];
    expect(requiredCudaWheels(metadata, pinned)).toEqual([pinned[1], pinned[0]]);
  });

  it.each([
    [
      "9.3.0.74",
      /asks for nvidia-cudnn-cu12>=9\.3\.0\.75,<10\.0, and 9\.3\.0\.74 is pinned.*npx trainyard setup$/,
    ],
    ["10.0", /and 10\.0 is pinned/],
    ["10", /and 10 is pinned/],
  ])("are refused when the pinned one is outside of its bounds: %s", (version, sentence) => {
    const pinned = [wheel("nvidia-cublas-cu12", "12.8.4.1"), wheel("nvidia-cudnn-cu12", version)];
    expect(() => requiredCudaWheels(metadata, pinned)).toThrow(sentence);
  });

  it("are refused when one is not pinned, when it has none, and when a bound says what is not known here", () => {
    const pinned = [wheel("nvidia-cublas-cu12", "12.8.4.1")];
    expect(() => requiredCudaWheels(metadata, pinned)).toThrow(/nvidia-cudnn-cu12, which is not pinned/);
    expect(() => requiredCudaWheels("Name: tensorflow-cpu\n", pinned)).toThrow(/names no CUDA libraries/);
    const odd = 'Requires-Dist: nvidia-cublas-cu12~=12.8; extra == "and-cuda"';
    expect(() => requiredCudaWheels(odd, pinned)).toThrow(/asks for nvidia-cublas-cu12~=12\.8/);
  });

  it("are each pinned to one file, of the version that it says", () => {
    expect(new Set(cudaWheels.map(({ distribution }) => distribution)).size).toBe(cudaWheels.length);
    for (const { distribution, version, file, sha256 } of cudaWheels) {
      expect(file.startsWith(`${distribution.replaceAll("-", "_")}-${version}-py3-none-manylinux`)).toBe(
        true,
      );
      expect(sha256).toMatch(/^[0-9a-f]{64}$/);
    }
  });

  it.each([
    ["nvidia-cudnn-cu12", "cudnn"],
    ["nvidia-cuda-runtime-cu12", "cuda_runtime"],
  ])("%s lies in nvidia/%s", (distribution, folder) => expect(cudaFolderName(distribution)).toBe(folder));
});

/** Arguments: path, then pairs of member and content; "x:" before a member makes it a program. */
const makeWheel = `
import sys, zipfile
with zipfile.ZipFile(sys.argv[1], "w") as wheel:
    for name, content in zip(sys.argv[2::2], sys.argv[3::2]):
        info = zipfile.ZipInfo(name.removeprefix("x:"))
        info.external_attr = (0o755 if name.startswith("x:") else 0o644) << 16
        wheel.writestr(info, content)
`;

describe("the installed GPU build", () => {
  const before = process.env["XDG_CACHE_HOME"];
  const home = mkdtempSync(join(tmpdir(), "trainyard-cuda-"));
  const lines: string[] = [];
  const say = (line: string) => void lines.push(line);

  /** Leaves the wheel where an interrupted set-up would have, so that nothing is downloaded. */
  async function downloaded(name: Pick<Wheel, "distribution" | "version">, members: Record<string, string>) {
    const made = join(home, `${name.distribution}.whl`);
    execFileSync("python3", ["-c", makeWheel, made, ...Object.entries(members).flat()]);
    const pinned = {
      ...name,
      file: "x.whl",
      sha256: await sha256Of(made),
      bytes: 1000,
      installedBytes: 1000,
    };
    const place = join(downloadFolder(pinned), "wheel.whl");
    mkdirSync(dirname(place), { recursive: true });
    cpSync(made, place);
    return pinned;
  }

  const tensorFlow = () =>
    downloaded(
      { distribution: "tensorflow", version: "2.21.0" },
      {
        "tensorflow/libtensorflow_cc.so.2": "cc",
        "tensorflow/libtensorflow_framework.so.2": "framework",
        "tensorflow/include/tensorflow/c/c_api.h": "// C",
        "tensorflow-2.21.0.dist-info/METADATA": [
          'Requires-Dist: nvidia-cusolver-cu12<12.0; extra == "and-cuda"',
          'Requires-Dist: nvidia-cuda-nvrtc-cu12>=12; extra == "and-cuda"',
        ].join("\n"),
      },
    );

  beforeAll(async () => {
    process.env["XDG_CACHE_HOME"] = home;
    const library = await tensorFlow();
    const cuda = [
      await downloaded(
        { distribution: "nvidia-cuda-nvrtc-cu12", version: "12.8" },
        {
          "nvidia/cuda_nvrtc/lib/libnvrtc.so.12": "nvrtc",
          "x:nvidia/cuda_nvrtc/bin/ptxas": "ptxas",
          "nvidia/cuda_nvrtc/include/nvrtc.h": "// not needed",
          "nvidia_cuda_nvrtc_cu12-12.8.dist-info/licenses/License.txt": "licence",
        },
      ),
      await downloaded(
        { distribution: "nvidia-cusolver-cu12", version: "11.7" },
        { "nvidia/cusolver/lib/libcusolver.so.11": "cusolver", "nvidia/cusolver/lib/__init__.py": "" },
      ),
    ];
    const platform = { name: "linux-x64", build: "gpu" as const, wheel: library };
    await installLibrary(platform, say, "again", cuda);
    await installCuda(platform, say, "again", cuda);
    await installCuda(platform, () => expect.unreachable("it is installed already"), "again", cuda);
  });
  afterAll(() => {
    if (before === undefined) delete process.env["XDG_CACHE_HOME"];
    else process.env["XDG_CACHE_HOME"] = before;
    rmSync(home, { recursive: true });
  });

  it("names the wheels that it unpacks, in the order of the METADATA", () => {
    expect(lines.filter((line) => line.startsWith("taking")).map((line) => line.slice(0, 30))).toEqual([
      "taking TensorFlow 2.21.0 out o",
      "taking CUDA's cusolver 11.7 (1",
      "taking CUDA's cuda_nvrtc 12.8 ",
    ]);
  });

  it("has library and CUDA side by side, where the library's relative search path looks for them", () => {
    const library = libraryFolder("linux-x64", "gpu");
    expect(readFileSync(join(library, "libtensorflow_framework.so.2"), "utf8")).toBe("framework");
    const beside = join(library, "..", "nvidia");
    expect(beside).toBe(cudaFolder("linux-x64"));
    expect(readFileSync(join(beside, "cusolver/lib/libcusolver.so.11"), "utf8")).toBe("cusolver");
  });

  it("keeps libraries, programs and licences, and nothing else of a wheel", () => {
    const nvrtc = join(cudaFolder("linux-x64"), "cuda_nvrtc");
    expect(statSync(join(nvrtc, "bin/ptxas")).mode & 0o111).toBe(0o111);
    expect(readFileSync(join(nvrtc, "License.txt"), "utf8")).toBe("licence");
    expect(() => statSync(join(nvrtc, "include"))).toThrow(/ENOENT/);
  });

  it("can be copied, with the links for libraries that no search path contains", () => {
    const copy = join(home, "copy");
    cpSync(installFolder("linux-x64", "gpu"), copy, { recursive: true, verbatimSymlinks: true });
    rmSync(installFolder("linux-x64", "gpu"), { recursive: true });
    const read = (path: string) => readFileSync(join(copy, "nvidia", path), "utf8");
    expect(read("nvshmem/lib/libcusolver.so.11")).toBe("cusolver");
    expect(read("nvrtc/lib/libnvrtc.so.12")).toBe("nvrtc");
  });
});
