// The daemon's load while the list was shown: from `GET /metrics`.
import { ask } from "./api.js";
import { bytes, el } from "./text.js";

const pause = 3000;
const most = 200;
const [width, height] = [200, 36];
const round = (value) => (value >= 100 || Number.isInteger(value) ? Math.round(value) : value.toFixed(1));
const charts = [["Running", "jobd_jobs_running", round], ["Waiting", "jobd_jobs_queued", round], ["Jobs a second", "rate", round],
  ["Answer time", "latency", (value) => `${round(value)} ms`], ["Memory", "jobd_resident_memory_bytes", bytes]];
const samples = [];

async function sample(signal) {
  const began = performance.now();
  const text = await (await ask("GET", "/metrics", { signal })).text();
  const now = { at: performance.now() };
  for (const [, name, value] of text.matchAll(/^([a-z_]+)(?:\{.*\})? ([0-9.e+]+)$/gm)) now[name] = (now[name] ?? 0) + Number(value);
  const last = samples.at(-1);
  now.rate = last ? Math.max(0, (now.jobd_jobs_finished_total - last.jobd_jobs_finished_total) * 1000 / (now.at - last.at)) : 0;
  now.latency = now.at - began;
  samples.push(now);
  if (samples.length > most) samples.shift();
}

function draw(chart, [title, name, text]) {
  const values = samples.map((one) => one[name] ?? 0);
  const top = Math.max(...values);
  // Few samples do not fill it.
  const x = (place) => width - (values.length - 1 - place) * (width / Math.max(20, values.length - 1));
  const y = (value) => height - 2 - (value / (top || 1)) * (height - 4);
  chart.line.setAttribute("points", values.map((value, place) => `${x(place).toFixed(1)},${y(value).toFixed(1)}`).join(" "));
  chart.value.textContent = text(values.at(-1));
  chart.most.textContent = `most ${text(top)}`;
  chart.picture.setAttribute("aria-label", `${title}: ${text(values.at(-1))} now, ${text(top)} at most while the list was shown`);
}

export function loadStrip() {
  const stop = new AbortController();
  const made = charts.map(([title]) => {
    const chart = { value: el("b", "–"), most: el("small"), line: el("polyline") };
    chart.picture = el("svg", { viewBox: `0 0 ${width} ${height}`, preserveAspectRatio: "none", role: "img", "aria-label": title }, chart.line);
    chart.element = el("div.chart", el("span", title), chart.value, chart.picture, chart.most);
    return chart;
  });
  const show = () => { if (samples.length) made.forEach((chart, place) => draw(chart, charts[place])); };
  const turn = async () => {
    // The event stream tells of a lost connection.
    if (!document.hidden) await sample(stop.signal).then(show, () => {});
    if (!stop.signal.aborted) setTimeout(turn, pause);
  };
  show();
  turn();
  return { element: el("section.load", { "aria-label": "The daemon's load" }, ...made.map((chart) => chart.element)), close: () => stop.abort() };
}
