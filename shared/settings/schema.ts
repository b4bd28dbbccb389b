/** Schemas of stored values with the bounds of the settings that they come from. */
import { z } from "zod";
import type { NumberSetting } from "./setting.js";

/** A number within the setting's bounds. */
export function numberSchema({ min, max, above, below, isWhole }: NumberSetting): z.ZodNumber {
  let schema = isWhole === true ? z.number().int() : z.number();
  if (min !== undefined) schema = schema.min(min);
  if (max !== undefined) schema = schema.max(max);
  if (above !== undefined) schema = schema.gt(above);
  if (below !== undefined) schema = schema.lt(below);
  return schema;
}

/** One of the setting's choices. */
export const choiceSchema = <const Choices extends readonly [string, ...string[]]>(setting: {
  readonly choices: Choices;
}) => z.enum(setting.choices);
