/** Attacks by a peer that has a worker's token: everything but a wrong gradient of its own lanes, which audits are for. */
import { setTimeout as sleep } from "node:timers/promises";
import type { WorkerBody } from "../../shared/grpc/control-messages.js";
import { type Attackers, type Dice, fuzzTimes } from "./connections.js";
import { Member } from "./member.js";
import type { Attacked, Target } from "./target.js";

type MemberAttack = (target: Target, attacked: Attacked, dice: Dice, attackers: Attackers) => Promise<void>;

const times = (count: number) => Array.from({ length: count * fuzzTimes }, (_, index) => index);
let ids = 0;
const newId = () => {
  ids += 1;
  return `hostile-${ids}`;
};
const statistics = (length: number, value: number) =>
  Buffer.from(new Float64Array(length).fill(value).buffer);

/** One of each kind, all wrong in their place. */
function bodies(step: number): WorkerBody[] {
  return [
    { kind: "ready", layoutJson: "{}" },
    { kind: "initialised" },
    {
      kind: "laneRecord",
      step,
      lane: 1,
      samples: 8,
      finite: true,
      lossSum: 1,
      correct: 4,
      statistics: statistics(448, 1),
      computeSeconds: 1,
      attempt: 0,
    },
    { kind: "blockResult", step, block: 0, lossSum: 1, predicted: [0, 1, 0] },
    { kind: "exported", checkpoint: `1-${step}`, paths: ["export/tfjs/model.json"] },
    { kind: "heartbeat", phase: "compute", share: 0, done: 0 },
    { kind: "settled", step, attempt: 0, share: 1 },
    { kind: "auditDone", step, beginLane: 0, endLane: 2, finite: false, attempt: 0 },
    { kind: "damaged", step, split: "train", samples: [0, 1, 2], key: "k", reason: "r", attempt: 0 },
    { kind: "assignmentFailed", assignment: "gradients", code: "ENGINE", message: "m" },
  ];
}

/** Of ever new workers, some of whose names are none, over a few connections. */
async function helloFlood(target: Target, attacked: Attacked, dice: Dice): Promise<void> {
  const first = new Member(target, attacked, newId());
  const members = times(300).map(() => new Member(target, attacked, newId(), first.client));
  for (const member of members) {
    const worker = dice.pick([
      member.id,
      member.id,
      `${member.id}\n{"level":"error"}`,
      "",
      "x".repeat(3_000_000),
    ]);
    member.hello(dice.pick([{ worker }, { worker, protocol: 1 }, { worker, fingerprint: null }]));
    member.hello({ worker: `${member.id}-again` });
  }
  await sleep(1_500);
  for (const member of [...members, first]) member.leave();
}

async function spoiledMessages(target: Target, attacked: Attacked, dice: Dice): Promise<void> {
  const { step } = await attacked.status();
  for (const _ of times(60)) {
    const member = new Member(target, attacked, newId());
    if (dice.below(4) > 0) member.hello();
    for (const _ of times(20)) {
      const bytes = member.bytesOf(dice.pick(bodies(step)));
      member.write(dice.pick([dice.spoiled(bytes), dice.bytes(200), bytes]));
    }
    await sleep(10);
    member.leave();
  }
}

async function hugeClaims(target: Target, attacked: Attacked): Promise<void> {
  const layout = JSON.parse(target.layoutJson) as object;
  const claims: ((member: Member) => void)[] = [
    (member) => member.raw({ ready: { layoutJson: JSON.stringify({ ...layout, parameterCount: 1e15 }) } }),
    (member) => member.raw({ ready: { layoutJson: JSON.stringify({ ...layout, statisticsCount: 1e12 }) } }),
    (member) => member.raw({ ready: { layoutJson: "[".repeat(3_900_000) } }),
    (member) => member.raw({ heartbeat: { phase: "x".repeat(3_900_000) } }),
    (member) => member.raw({ leaving: { reason: "x\n".repeat(1_900_000) } }),
    (member) => member.raw({ damaged: { step: 1, split: "train", samples: Array(500_000).fill(1) } }),
    (member) => member.raw({ blockResult: { step: 1, predicted: Array(500_000).fill(1) } }),
    (member) => member.raw({ exported: { checkpoint: "1-1", paths: Array(500_000).fill("") } }),
    (member) => member.raw({ heartbeat: { phase: "idle" } }, { run: "x".repeat(3_900_000) }),
  ];
  for (const claim of claims) {
    const member = new Member(target, attacked, newId());
    member.hello();
    claim(member);
    await sleep(150);
    member.leave();
  }
}

/** Of lanes that it has, and of those that it hasn't: no gradient of either is anywhere. */
async function recordsWithoutGradients(target: Target, attacked: Attacked): Promise<void> {
  for (const _ of times(2)) {
    const member = new Member(target, attacked, newId());
    await member.join();
    const given = await member.lanes();
    for (const [lane, samples] of [0, 1, 2, 3].flatMap((lane) =>
      [8, 0, 999].map((count) => [lane, count] as const),
    )) {
      for (const value of [1, Number.NaN, 1e300]) {
        const { step = 0, attempt = 0 } = given ?? {};
        const record = {
          step,
          attempt,
          lane,
          samples,
          finite: true,
          lossSum: value,
          correct: 0,
          computeSeconds: 1,
        };
        for (const length of [0, 448, 40_000]) {
          member.say({ kind: "laneRecord", ...record, statistics: statistics(length, value) });
        }
      }
    }
    await sleep(3_000);
    member.leave();
  }
}

async function wrongPieces(target: Target, attacked: Attacked, dice: Dice): Promise<void> {
  for (const _ of times(3)) {
    const member = new Member(target, attacked, newId());
    const slices = await member.join();
    const lanes = slices === null ? null : await member.lanes();
    if (slices !== null && lanes !== null) {
      const changes = [
        { offset: 5 },
        { offset: 1e15 },
        { slice: 1 },
        { slice: 4_000_000_000 },
        { generation: 0 },
        { generation: 2 },
        { run: "another" },
        { step: lanes.step + 1_000 },
        { step: Math.max(0, lanes.step - 1) },
        { attempt: 7 },
        { beginLane: 0, endLane: 4 },
        { beginLane: 3, endLane: 3 },
        { beginLane: 1, endLane: 4_000_000_000 },
        { kind: "AUDIT" },
        { kind: "INITIAL", step: 0, beginLane: 0, endLane: 1 },
        { worker: "honest" },
      ];
      for (const change of changes) {
        const stream = member.upload(slices, dice.below(2));
        for (const _ of times(4)) {
          const data = Buffer.alloc(dice.pick([0, 3, 400, 40_000]));
          await stream.send(
            member.chunk(lanes, { ...change, offset: dice.pick([0, 0, 100, 1e12]), ...change }),
            data,
          );
        }
      }
      // Whole, but for its checksum.
      const whole = member.upload(slices);
      for (const lane of lanes.lanes) {
        const size = (slices.slices[0]?.end ?? 0) - (slices.slices[0]?.begin ?? 0);
        for (let offset = 0; offset < size; offset += 250_000) {
          const data = Buffer.alloc(4 * Math.min(250_000, size - offset));
          await whole.send(
            member.chunk(lanes, { beginLane: lane, endLane: lane + 1, offset, crc32c: 7 }),
            data,
          );
        }
      }
    }
    await sleep(200);
    member.leave();
  }
}

async function replays(target: Target, attacked: Attacked): Promise<void> {
  const member = new Member(target, attacked, newId());
  const slices = await member.join();
  const lanes = slices === null ? null : await member.lanes();
  member.leave();
  await sleep(200);
  if (slices === null || lanes === null) return;
  // Its ticket and its assignment are of one that has left by now; so are those of a forged one.
  for (const ticket of [slices.ticket, slices.ticket.replace(/^\d+/, "1"), `9${slices.ticket}`, "1.", "."]) {
    const stream = member.upload({ ...slices, ticket });
    for (const _ of times(5)) await stream.send(member.chunk(lanes), Buffer.alloc(4_000));
  }
  const again = new Member(target, attacked, member.id);
  again.hello();
  for (const body of bodies(lanes.step)) again.say(body);
  for (const body of bodies(0)) again.say(body);
  await sleep(300);
  again.leave();
}

/** It begins what it is asked for, many times over, and neither goes on nor reads. */
async function heldStreams(target: Target, attacked: Attacked): Promise<void> {
  const members = times(6).map(() => new Member(target, attacked, newId()));
  for (const member of members) {
    const slices = await member.join();
    if (slices === null) continue;
    const lanes = await member.lanes();
    const connection = member.connection(slices);
    for (const _ of times(20)) {
      connection.weights(member.request());
      const stream = connection.upload();
      if (lanes !== null) void stream.send(member.chunk(lanes), Buffer.alloc(400));
    }
  }
  await sleep(2_000);
  for (const member of members) member.leave();
}

/** Tens of thousands of wrong pieces whose answers nobody reads, and of heartbeats. */
async function unreadAnswers(target: Target, attacked: Attacked): Promise<void> {
  const member = new Member(target, attacked, newId());
  const slices = await member.join();
  const lanes = slices === null ? null : await member.lanes();
  if (slices !== null && lanes !== null) {
    const stream = member.connection(slices).upload();
    for (const step of times(30_000)) {
      const taken = stream.send(member.chunk(lanes, { step, offset: 1 }), Buffer.alloc(4)).then(() => true);
      if (!(await Promise.race([taken, sleep(1_000)]))) break; // it reads no more until its answers are read
    }
  }
  const beat = member.bytesOf({ kind: "heartbeat", phase: "compute", share: 0, done: 0 });
  for (const _ of times(20_000)) member.write(beat);
  await sleep(2_000);
  member.leave();
}

/** It joins, fails at everything, leaves, and comes again. */
async function failures(target: Target, attacked: Attacked, dice: Dice): Promise<void> {
  for (const _ of times(25)) {
    const member = new Member(target, attacked, newId());
    member.hello();
    const assignment = dice.pick(["prepare", "gradients", "evaluate", "export", "x"]);
    const code = dice.pick(["ENGINE", "STORE_UNREACHABLE", "x"]);
    member.say({ kind: "assignmentFailed", assignment, code, message: "m\n".repeat(1_000) });
    await sleep(20);
    member.leave();
  }
}

export const members: readonly (readonly [string, MemberAttack])[] = [
  ["hundreds of hellos, each another worker's", helloFlood],
  ["messages with spoiled bytes", spoiledMessages],
  ["claims of what no machine has", hugeClaims],
  ["records without a gradient", recordsWithoutGradients],
  ["pieces of partials that are out of place", wrongPieces],
  ["tickets, partials and messages of one that has left", replays],
  ["streams that are begun and held", heldStreams],
  ["answers that are not read, and ten thousands of messages", unreadAnswers],
  ["failures, again and again", failures],
];
