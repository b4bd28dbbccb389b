/**
 * Styles of the pages. Training is blue and validation orange everywhere. Each can be recognised without its colour,
 * too.
 */
export const styleSheet = `
:root {
  --paper: #ffffff; --panel: #f6f7f9; --ink: #1c2733; --faint: #66727f; --line: #e1e5ea;
  --training: #2364aa; --validation: #d1661c; --heat: 35, 100, 170; --bad: #b3261e;
}
@media (prefers-color-scheme: dark) {
  :root {
    --paper: #12171d; --panel: #1a2129; --ink: #e4e9ee; --faint: #95a1ad; --line: #2c3641;
    --training: #6cabf0; --validation: #f0985a; --heat: 108, 171, 240; --bad: #ff8a80;
  }
}
* { box-sizing: border-box; }
body { margin: 0; background: var(--paper); color: var(--ink); font: 15px/1.5 system-ui, sans-serif; }
main { max-width: 1120px; margin: 0 auto; padding: 28px 20px 60px; }
h1 { font-size: 24px; margin: 0; overflow-wrap: anywhere; }
h2 { font-size: 17px; margin: 36px 0 10px; }
p { margin: 4px 0; }
.faint { color: var(--faint); }
.warning { color: var(--bad); }
.figures { display: grid; grid-template-columns: repeat(auto-fill, minmax(138px, 1fr)); gap: 12px; margin: 20px 0; padding: 0; list-style: none; }
.figures li { background: var(--panel); border: 1px solid var(--line); border-radius: 8px; padding: 10px 14px; }
.figures b { display: block; font-size: 22px; font-weight: 600; font-variant-numeric: tabular-nums; }
.figures span { color: var(--faint); font-size: 13px; }
.charts { display: grid; grid-template-columns: 1fr 1fr; gap: 20px; }
@media (max-width: 800px) { .charts { grid-template-columns: 1fr; } }
.wide { grid-column: 1 / -1; }
figure { margin: 0; min-width: 0; background: var(--panel); border: 1px solid var(--line); border-radius: 8px; padding: 12px; }
figcaption { font-weight: 600; margin-bottom: 6px; }
.chart { min-height: 280px; color: var(--faint); }
.u-legend { font-size: 13px; color: var(--ink); }
.u-legend th, .u-legend td { border: 0; padding: 2px 4px; }
.u-legend .u-value { font-variant-numeric: tabular-nums; }
.scroll { overflow-x: auto; }
table { border-collapse: collapse; font-variant-numeric: tabular-nums; }
th, td { padding: 5px 12px; text-align: right; border-bottom: 1px solid var(--line); vertical-align: top; }
th { font-weight: 600; color: var(--faint); }
th[scope=row], .facts td { text-align: left; }
.facts td { overflow-wrap: anywhere; }
.facts th { white-space: nowrap; }
.confusion td { text-align: center; border: 1px solid var(--line); min-width: 78px; }
.confusion thead th { text-align: center; max-width: 140px; overflow-wrap: anywhere; }
.confusion small { display: block; color: var(--faint); }
.confusion .strong small { color: inherit; }
.confusion .diagonal { outline: 2px solid var(--training); outline-offset: -2px; }
.confusion th[scope=row] { max-width: 240px; overflow-wrap: anywhere; color: var(--ink); }
code { font: 13px/1.5 ui-monospace, monospace; overflow-wrap: anywhere; }
a { color: var(--training); }
button { font: inherit; color: var(--bad); background: none; border: 1px solid currentColor; border-radius: 6px; padding: 4px 14px; cursor: pointer; }
button:disabled { opacity: 0.5; cursor: default; }
`;
