/** HTML as text, safely: what is put into a template is escaped unless it is markup already. */

import { escapeHtml } from "../shared/html.js";

/** Text that is HTML already, and is not escaped again. */
export class Markup {
  readonly html: string;
  constructor(html: string) {
    this.html = html;
  }
}

type Part = Markup | string | number | null | undefined | false | readonly Part[];

function render(part: Part): string {
  if (part === null || part === undefined || part === false) return "";
  if (part instanceof Markup) return part.html;
  if (typeof part === "string" || typeof part === "number") return escapeHtml(String(part));
  return part.map(render).join("");
}

/** A template whose values are escaped: text, numbers, other markup, lists of these; nothing for null and false. */
export const markup = (pieces: TemplateStringsArray, ...parts: Part[]): Markup =>
  new Markup(pieces.reduce((html, piece, index) => html + render(parts[index - 1]) + piece));

/** A value for a script to read: no `<`, so that no name can close the element or open a comment. */
export const jsonScript = (id: string, value: unknown): Markup => {
  const json = JSON.stringify(value, (_key, item: unknown) =>
    typeof item === "number" && !Number.isFinite(item) ? null : item,
  );
  const safe = json
    .replace(/</g, "\\u003c")
    .replace(/\u2028/g, "\\u2028")
    .replace(/\u2029/g, "\\u2029");
  return new Markup(`<script type="application/json" id="${escapeHtml(id)}">${safe}</script>`);
};
