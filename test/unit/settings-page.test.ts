/** docs/settings.md says of every setting what the table says. `npm run build:pages` writes it anew. */
import { expect, it } from "vitest";
import { settingsPage } from "../support/settings-page.js";

it("docs/settings.md lists every setting as it is", async () => {
  await expect(settingsPage()).toMatchFileSnapshot("../../docs/settings.md");
});
