/**
 * What a worker's message may be: no list, text or number of it costs the coordinator more than the message itself, and
 * what ends in logs, labels and pages is one printable line.
 */
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { decodeFromWorker, encode, type WorkerBody } from "../../shared/grpc/control-messages.js";
import { controlService } from "../../shared/grpc/protocol.js";
import { workerPhases } from "../../shared/grpc/texts.js";
import { limits } from "../../shared/limits.js";

interface Join {
  requestSerialize(message: object): Buffer;
  requestDeserialize(bytes: Buffer): object;
}
const { Join: join } = controlService().service as unknown as { readonly Join: Join };

const said = (body: object) => ({ run: "r", generation: 1, ...body });
/** As the coordinator gets it. */
const heard = (message: object) => decodeFromWorker(join.requestDeserialize(join.requestSerialize(message)));
const bodyOf = (body: WorkerBody) => heard(encode({ run: "r", generation: 1, body })).body;

const hello = {
  protocol: 1,
  version: "0.1.0",
  worker: "w",
  host: "h",
  pid: 1,
  fingerprint: { tensorflow: "t", device: "d", nodeMajor: 20 },
  metrics: "",
};
const damaged = { step: 1, split: "train", key: "k", reason: "r", attempt: 0 };
const record = { step: 1, lane: 0, samples: 1, finite: true, correct: 1, attempt: 0 };

describe("a message", () => {
  it("with a long list is refused before it is decoded: a million numbers would be an object each", () => {
    const samples = Array.from({ length: limits.controlBytes }, () => 1);
    expect(() => heard(said({ damaged: { ...damaged, samples } }))).toThrow(/bytes; at most/);
    const predicted = { step: 1, block: 0, lossSum: 0, predicted: samples };
    expect(() => heard(said({ blockResult: predicted }))).toThrow(/bytes; at most/);
    // In pieces, the last of which would count: each is decoded.
    const piece = join.requestSerialize(said({ damaged: { ...damaged, samples: samples.slice(0, 9_000) } }));
    expect(() => join.requestDeserialize(Buffer.concat(Array(20).fill(piece)))).toThrow(/bytes; at most/);
  });

  it("may be large where a layout or a lane's statistics are", () => {
    const layoutJson = " ".repeat(3 * 1024 * 1024);
    expect(bodyOf({ kind: "ready", layoutJson })).toEqual({ kind: "ready", layoutJson });
    const statistics = new Uint8Array(3 * 1024 * 1024);
    const body = bodyOf({ kind: "laneRecord", ...record, lossSum: 1, statistics, computeSeconds: 1 });
    expect(body.kind === "laneRecord" && body.statistics.byteLength).toBe(statistics.byteLength);
  });

  it("with more list entries than there can be is refused, without a look at each", () => {
    const samples = Array.from({ length: limits.damagedSamples + 1 }, () => 1);
    expect(() => heard(said({ damaged: { ...damaged, samples } }))).toThrow("samples");
    const predicted = {
      step: 1,
      block: 0,
      lossSum: 0,
      predicted: samples.slice(0, limits.evaluationBlock + 1),
    };
    expect(() => heard(said({ blockResult: predicted }))).toThrow("predicted");
    const paths = Array.from({ length: limits.exportedPaths + 1 }, () => "p");
    expect(() => heard(said({ exported: { checkpoint: "1-0", paths } }))).toThrow("paths");
  });

  it("that is wrong everywhere is answered with one short sentence", () => {
    const samples = Array.from({ length: 10_000 }, () => "18446744073709551615");
    const message = { ...said({ damaged: { ...damaged, samples } }), body: "damaged" };
    expect(() => decodeFromWorker(message)).toThrow(/^.{1,300}$/);
  });

  it("whatever its bytes, is refused with an error or is one of those there are", () => {
    const mutated = fc
      .tuple(
        fc.constantFrom(
          ...[
            { hello },
            { heartbeat: { phase: "idle" } },
            { damaged: { ...damaged, samples: [1, 2, 300] } },
          ].map((body) => join.requestSerialize(said(body))),
        ),
        fc.array(fc.tuple(fc.nat(), fc.nat(255)), { maxLength: 6 }),
        fc.uint8Array({ maxLength: 20 }),
      )
      .map(([valid, changes, tail]) => {
        const bytes = Buffer.concat([valid, tail]);
        for (const [at, value] of changes) bytes[at % bytes.length] = value;
        return bytes;
      });
    fc.assert(
      fc.property(fc.oneof(mutated, fc.uint8Array({ maxLength: 200 }).map(Buffer.from)), (bytes) => {
        try {
          expect(decodeFromWorker(join.requestDeserialize(bytes)).body.kind).toMatch(/^[a-zA-Z]+$/);
        } catch (error) {
          expect(error).toBeInstanceOf(Error);
          expect((error as Error).name).not.toBe("AssertionError");
        }
      }),
      { numRuns: 2_000 },
    );
  });
});

describe("texts", () => {
  it("that name something are printable and short, else the message is refused", () => {
    const named = (worker: string) => heard(said({ hello: { ...hello, worker } }));
    expect(named("wörker 1/盆栽").body).toMatchObject({ worker: "wörker 1/盆栽" });
    for (const worker of [
      "",
      "a\nb",
      "\u001b[2J",
      "a\u2028b",
      "a\u202eb",
      "x".repeat(limits.nameCharacters + 1),
    ]) {
      expect(() => named(worker), JSON.stringify(worker)).toThrow("hello: worker");
    }
    for (const field of ["host", "version", "metrics"]) {
      expect(() => heard(said({ hello: { ...hello, [field]: "a\nb" } })), field).toThrow(field);
    }
  });

  it("that say what went wrong are one line of bounded length, whatever they were", () => {
    const reason = `a\nb\u001b[2Jc${"x".repeat(50_000)}`;
    const body = bodyOf({ kind: "leaving", reason });
    expect(body).toMatchObject({ reason: expect.stringMatching(/^a b \[2Jcx+$/) });
    expect(JSON.stringify(body).length).toBeLessThan(limits.sentenceCharacters + 100);
  });

  it("that are phases are those there are, or other", () => {
    const phaseOf = (phase: string) => heard(said({ heartbeat: { phase } })).body;
    for (const phase of workerPhases) expect(phaseOf(phase)).toMatchObject({ phase });
    for (const phase of ["", "x".repeat(100_000), "idle\n", "__proto__"]) {
      expect(phaseOf(phase)).toMatchObject({ phase: "other" });
    }
  });
});

describe("numbers", () => {
  it("of a lane that is not finite arrive as they are: the core judges them", () => {
    for (const lossSum of [Number.NaN, Number.POSITIVE_INFINITY, -1]) {
      const body = { ...record, finite: false, lossSum, statistics: new Uint8Array(0), computeSeconds: 1 };
      expect(bodyOf({ kind: "laneRecord", ...body })).toMatchObject({ lossSum });
      expect(bodyOf({ kind: "blockResult", step: 1, block: 0, lossSum, predicted: [] })).toMatchObject({
        lossSum,
      });
    }
  });

  it("that are times are finite and not negative", () => {
    for (const computeSeconds of [Number.NaN, Number.POSITIVE_INFINITY, -1]) {
      const body = { ...record, lossSum: 1, statistics: new Uint8Array(0), computeSeconds };
      expect(() => heard(said({ laneRecord: body }))).toThrow("computeSeconds");
    }
  });
});
