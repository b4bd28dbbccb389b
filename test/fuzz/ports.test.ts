/** Attacks on the real ports of a real coordinator while it trains: see target.ts for what counts as harm. */
import { afterAll, beforeAll, describe, it } from "vitest";
import { Attackers, Dice } from "./connections.js";
import { members } from "./members.js";
import { Target } from "./target.js";
import { unidentified } from "./unidentified.js";

let target: Target | undefined;
const attackers = new Attackers();

beforeAll(async () => {
  target = await Target.open();
}, 300_000);
afterAll(async () => {
  attackers.close();
  await target?.close();
});

const attacked = (): Target => {
  if (target === undefined) throw new Error("there is no coordinator to attack");
  return target;
};

describe("a coordinator that trains is unharmed by", () => {
  it.each(unidentified)(
    "%s, from strangers",
    async (name, attack) => {
      await attack(await attacked().training(), attackers, new Dice(name));
      await attacked().expectUnharmed();
    },
    300_000,
  );

  it.each(members)(
    "%s, from a worker",
    async (name, attack) => {
      await attack(attacked(), await attacked().training(), new Dice(name), attackers);
      await attacked().expectUnharmed();
    },
    300_000,
  );

  it("all of it, to the end of its run", () => attacked().end(), 300_000);
});
