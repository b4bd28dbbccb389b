/** library/train-options.ts says of every setting what the table says. `npm run build:pages` writes it anew. */
import { expect, it } from "vitest";
import { trainOptionsFile } from "../support/train-options-file.js";

it("a program's options of train are those of the table of settings, each with its help", async () => {
  await expect(trainOptionsFile()).toMatchFileSnapshot("../../library/train-options.ts");
});
