import { describe, expect, it } from "vitest";
import { commands } from "../../cli/commands.js";
import { commandNameOf } from "../../cli/frame.js";
import { nearestName } from "../../shared/nearest-name.js";

describe.each(commands)("the command $name", ({ name, describe: description, load }) => {
  it("is described in the table as in its own file", async () => {
    const { command } = await load();
    expect(command.name).toBe(name);
    expect(command.describe).toBe(description);
  });
});

it.each([
  [["train", "faces"], "train"],
  [["--store", "train", "runs", "list"], "runs"],
  [["--store=x", "--debug", "runs"], "runs"],
  [["--help"], undefined],
  [["--version", "--debug"], undefined],
])("in %j the command is %s", (words, name) => expect(commandNameOf(words)).toBe(name));

it.each([
  ["learing-rate", "learning-rate"],
  ["epcohs", "epochs"],
  ["verbose", null],
  ["x", null],
])("%s is near %s", (written, name) => {
  expect(nearestName(written, ["learning-rate", "epochs", "lanes", "l2", "n"])).toBe(name);
});
