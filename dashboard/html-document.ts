/** What every page is within: one file without network, readable in light and dark. */
import { Markup, markup } from "./markup.js";
import { styleSheet } from "./style-sheet.js";

/** The parts of an HTML document. */
export interface DocumentParts {
  readonly title: string;
  /** Before the pages' own style sheet. */
  readonly style?: string;
  /** Content of the main element. */
  readonly main: Markup;
  /** After it: data and scripts. */
  readonly scripts: Markup;
}

/** No byte comes from elsewhere; a live page asks its own coordinator only. */
const policy =
  "default-src 'none'; script-src 'unsafe-inline'; style-src 'unsafe-inline'; connect-src 'self'; img-src data:";

/** A script element. */
export const inlineScript = (script: string) => new Markup(`<script>${script}</script>\n`);

/** A whole HTML document that loads nothing from elsewhere. */
export function htmlDocument({ title, style = "", main, scripts }: DocumentParts): string {
  return markup`<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="color-scheme" content="light dark">
<meta http-equiv="Content-Security-Policy" content="${policy}">
<link rel="icon" href="data:,">
<title>${title}</title>
<style>${new Markup(style + styleSheet)}</style>
</head>
<body>
<main>
${main}
</main>
${scripts}</body>
</html>
`.html;
}
