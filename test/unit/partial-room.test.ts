/** However many workers there are, a slice holds few partials; whatever comes in order always gets in. */
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { hasRoom, roomFor } from "../../coordinator/reducers/partial-room.js";
import { limits } from "../../shared/limits.js";
import type { TreeNode } from "../../shared/tree.js";
import { TreeSum } from "../../shared/tree-sum.js";

const leaf = (lane: number): TreeNode => ({ begin: lane, end: lane + 1 });

/** Leaves come in some order, each as soon as it is let in; `slots` are assembled at a time. Returns the most vectors held. */
function mostHeld(order: readonly number[], room: number, slots: number): number {
  const present = [...order].sort((a, b) => a - b);
  const tree = new TreeSum(order.length, new Set(present));
  const waiting = [...order];
  const underWay: TreeNode[] = [];
  let most = 0;
  while (waiting.length > 0 || underWay.length > 0) {
    const kept = tree.parts.map(({ node }) => node);
    const next = waiting.findIndex((lane) => hasRoom(leaf(lane), { kept, underWay, present }, room));
    if (next >= 0 && underWay.length < slots) {
      underWay.push(leaf(waiting.splice(next, 1)[0] as number));
    } else {
      const done = underWay.shift();
      if (done === undefined) throw new Error("nobody is let in, and nobody is under way");
      tree.add(done, new Float32Array(1));
    }
    most = Math.max(most, tree.parts.length + underWay.length);
  }
  return most;
}

describe("admission", () => {
  it("never stands still, and needs log2(lanes) + 1 vectors beyond the room, in whatever order lanes come", () => {
    const runs = fc.record({
      order: fc
        .integer({ min: 1, max: 64 })
        .chain((lanes) => fc.shuffledSubarray([...Array(lanes).keys()], { minLength: lanes })),
      room: fc.integer({ min: 1, max: 4 }),
      slots: fc.integer({ min: 1, max: 64 }),
    });
    fc.assert(
      fc.property(runs, ({ order, room, slots }) => {
        expect(mostHeld(order, room, slots)).toBeLessThanOrEqual(
          room + Math.ceil(Math.log2(order.length)) + 1,
        );
      }),
    );
  });

  it("takes a small net's partials in any order, a large one's one by one", () => {
    expect(roomFor(1_142_529)).toBeGreaterThanOrEqual(8);
    expect(roomFor(25e6)).toBe(1);
    expect(roomFor(limits.partialsBytes / 4)).toBe(2);
    const kept = [leaf(1)];
    expect(hasRoom(leaf(3), { kept, underWay: [], present: [0, 1, 2, 3] }, 1)).toBe(false);
    expect(hasRoom(leaf(0), { kept, underWay: [], present: [0, 1, 2, 3] }, 1)).toBe(true);
    expect(hasRoom(leaf(0), { kept, underWay: [leaf(2)], present: [0, 1, 2, 3] }, 1)).toBe(false);
  });

  it("lets the next lane in that has samples: absent ones are waited for by nobody", () => {
    expect(hasRoom(leaf(2), { kept: [leaf(3)], underWay: [], present: [2, 3] }, 1)).toBe(true);
  });
});
