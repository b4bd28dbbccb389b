import { expect, it } from "vitest";
import { knownVariables } from "../../shared/settings/variables.js";

it("an option of a command, of a command below one and of all commands is a variable, and so is a secret", () => {
  const known = knownVariables();
  for (const name of ["TENSOR_PORT", "JSON", "STORE", "S3_SECRET_KEY_FILE"]) {
    expect(known).toContain(`TRAINYARD_${name}`);
  }
  expect(known).not.toContain("TRAINYARD_TENSORPORT");
});
