/** The confusion matrix as a table: counts, shares of the true class, recall. Rows are true, columns predicted. */
import { type Markup, markup } from "./markup.js";

/** Above this the table is only as wide as its classes that are confused: still whole, but without shares. */
const mostWithShares = 30;

/** counts: [true class][predicted class]; classes in label order. Nothing without validation images. */
export function confusionTable(
  classes: readonly string[],
  counts: readonly (readonly number[])[],
): Markup | null {
  const total = counts.flat().reduce((sum, count) => sum + count, 0);
  if (total === 0) return null;
  const correct = counts.reduce((sum, row, index) => sum + (row[index] ?? 0), 0);
  return markup`<section id="confusion">
<h2>Confusion matrix</h2>
<p class="faint">The ${total} validation images after the last epoch: a row is what they are, a column what the
model says. ${correct} are on the diagonal.</p>
<div class="scroll"><table class="confusion">
<thead><tr><th></th>${classes.map((name) => markup`<th scope="col">${name}</th>`)}<th scope="col">images</th><th scope="col">recall</th></tr></thead>
<tbody>${classes.map((name, index) => rowOf(name, index, counts[index] ?? []))}</tbody>
</table></div>
</section>`;
}

function rowOf(name: string, index: number, row: readonly number[]): Markup {
  const images = row.reduce((sum, count) => sum + count, 0);
  const share = (count: number) => (images === 0 ? 0 : count / images);
  const cells = row.map((count, column) => cellOf(count, share(count), column === index, row.length));
  const recall = images === 0 ? "–" : inPercent(share(row[index] ?? 0));
  return markup`<tr><th scope="row">${name}</th>${cells}<td>${images}</td><td><b>${recall}</b></td></tr>
`;
}

function cellOf(count: number, share: number, isDiagonal: boolean, classes: number): Markup {
  const classNames = [isDiagonal ? "diagonal" : "", share > 0.5 ? "strong" : ""].filter(Boolean).join(" ");
  const heat = `background: rgba(var(--heat), ${(share * 0.45).toFixed(3)})`;
  const small = classes <= mostWithShares && markup`<small>${inPercent(share)}</small>`;
  return markup`<td class="${classNames}" style="${heat}">${count}${small}</td>`;
}

const inPercent = (share: number) => `${(share * 100).toFixed(1)} %`;
