/**
 * The script of both pages, inlined: draws three charts with uPlot from `#chart-data`, in the page's colours, and
 * again when the width or the colour scheme changes. The live page calls `trainyardDraw(data)` with newer data.
 */
export const chartScript = `
(() => {
  let drawn = [];
  let latest = JSON.parse(document.getElementById("chart-data").textContent);
  const colour = (name) => getComputedStyle(document.documentElement).getPropertyValue(name).trim();
  const percent = (value) => (value == null ? "–" : (value * 100).toFixed(2) + " %");
  const number = (value) => (value == null ? "–" : value.toPrecision(4));

  function series(label, name, width, value) {
    return { label, stroke: colour(name), width, value: (_, raw) => value(raw), points: { size: 5 }, spanGaps: false };
  }
  function axis(extra) {
    const grid = { stroke: colour("--line"), width: 1 };
    return { stroke: colour("--faint"), grid, ticks: grid, font: "12px system-ui, sans-serif", ...extra };
  }
  function chart(id, xLabel, columns, lines, format) {
    const host = document.getElementById(id);
    host.replaceChildren();
    if (columns[0].length === 0) {
      host.textContent = "Nothing yet.";
      return;
    }
    const whole = (_, splits) => splits.map((value) => (Number.isInteger(value) ? String(value) : ""));
    const x = { label: xLabel, value: (_, raw) => (raw == null ? "–" : String(raw)) };
    const options = {
      width: host.clientWidth,
      height: 280,
      series: [x, ...lines],
      scales: { x: { time: false, range: (_, low, high) => (low === high ? [low - 1, high + 1] : [low, high]) } },
      axes: [
        axis({ values: whole, incrs: [1, 2, 5, 10, 20, 50, 100, 200, 500, 1000, 2000, 5000, 1e4, 1e5, 1e6] }),
        axis({ size: 58, values: (_, splits) => splits.map(format) }),
      ],
      cursor: { drag: { x: true, y: false } },
    };
    drawn.push(new uPlot(options, columns, host));
  }
  function draw() {
    for (const plot of drawn) plot.destroy();
    drawn = [];
    const { epochs, steps } = latest;
    const train = (value) => series("training", "--training", 2, value);
    const held = (value) => series("validation", "--validation", 2, value);
    const short = (value) => (value == null ? "" : String(+(value * 100).toFixed(1)) + " %");
    const plain = (value) => (value == null ? "" : String(+value.toPrecision(3)));
    chart("accuracy", "epoch", [epochs.epoch, epochs.accuracy, epochs.validationAccuracy],
      [train(percent), held(percent)], short);
    chart("loss", "epoch", [epochs.epoch, epochs.loss, epochs.validationLoss], [train(number), held(number)], plain);
    const raw = { ...series("each step", "--faint", 0.5, number), points: { show: steps.step.length < 2 } };
    const smoothed = { ...series("smoothed", "--training", 2, number), points: { show: false } };
    chart("steps", "step", [steps.step, steps.loss, steps.smoothed], [raw, smoothed], plain);
  }
  let waiting = 0;
  const soon = () => {
    cancelAnimationFrame(waiting);
    waiting = requestAnimationFrame(draw);
  };
  let width = document.documentElement.clientWidth;
  addEventListener("resize", () => {
    if (document.documentElement.clientWidth !== width) soon();
    width = document.documentElement.clientWidth;
  });
  matchMedia("(prefers-color-scheme: dark)").addEventListener("change", soon);
  globalThis.trainyardDraw = (data) => {
    latest = data;
    soon();
  };
  draw();
})();
`;
