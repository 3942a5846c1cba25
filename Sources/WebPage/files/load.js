// The daemon's load since the page was opened: from `GET /metrics`, while it is seen.
import { ask } from "./api.js";
import { bytes, el } from "./text.js";

const pause = 3000;
const most = 200;
const [width, height] = [200, 36];
const round = (value) => (value >= 100 || Number.isInteger(value) ? Math.round(value) : value.toFixed(1));
const charts = [["running", "Running", round], ["queued", "Waiting", round], ["rate", "Jobs a second", round],
  ["latency", "Answer time", (value) => `${round(value)} ms`], ["memory", "Memory", bytes]];
// They outlive the view.
const samples = [];
let last = null;

function parse(text) {
  const values = {};
  for (const line of text.split("\n")) {
    const found = /^([a-z_]+)(?:\{[^}]*\})? ([0-9.e+]+)$/.exec(line);
    if (found) values[found[1]] = (values[found[1]] ?? 0) + Number(found[2]);
  }
  return values;
}

async function sample(signal) {
  const began = performance.now();
  const reply = await ask("GET", "/metrics", { signal });
  const values = parse(await reply.text());
  const now = { at: performance.now(), finished: values.jobd_jobs_finished_total ?? 0 };
  const rate = last ? Math.max(0, (now.finished - last.finished) * 1000 / (now.at - last.at)) : 0;
  last = now;
  samples.push({ running: values.jobd_jobs_running, queued: values.jobd_jobs_queued, rate, latency: now.at - began, memory: values.jobd_resident_memory_bytes });
  if (samples.length > most) samples.shift();
}

function draw(chart, [name, title, text]) {
  const values = samples.map((one) => one[name] ?? 0);
  const top = Math.max(...values, 1e-9);
  // Few samples do not fill it.
  const x = (place) => width - (values.length - 1 - place) * (width / Math.max(20, values.length - 1));
  const y = (value) => height - 2 - (value / top) * (height - 4);
  const points = values.map((value, place) => `${x(place).toFixed(1)},${y(value).toFixed(1)}`);
  chart.line.setAttribute("points", points.join(" "));
  chart.area.setAttribute("points", `${x(0)},${height} ${points.join(" ")} ${width},${height}`);
  chart.value.textContent = text(values.at(-1));
  chart.most.textContent = `most ${text(Math.max(...values))}`;
  chart.picture.setAttribute("aria-label", `${title}: ${text(values.at(-1))} now, ${text(Math.max(...values))} at most since the page was opened`);
}

export function loadStrip() {
  const stop = new AbortController();
  const made = charts.map(([, title]) => {
    const chart = { value: el("b", {}, "–"), most: el("small"), line: el("polyline", { class: "line" }), area: el("polygon", { class: "area" }) };
    chart.picture = el("svg", { viewBox: `0 0 ${width} ${height}`, preserveAspectRatio: "none", role: "img", "aria-label": title }, chart.area, chart.line);
    chart.element = el("div", { class: "chart" }, el("span", {}, title), chart.value, chart.picture, chart.most);
    return chart;
  });
  const show = () => { if (samples.length) made.forEach((chart, place) => draw(chart, charts[place])); };
  let timer = null;
  const turn = async () => {
    if (!document.hidden) {
      try {
        await sample(stop.signal);
        show();
      } catch { /* the event stream tells of a lost connection */ }
    }
    if (!stop.signal.aborted) timer = setTimeout(turn, pause);
  };
  show();
  turn();
  return { element: el("section", { class: "load", "aria-label": "The daemon's load" }, ...made.map((chart) => chart.element)),
    close() {
      stop.abort();
      clearTimeout(timer);
    } };
}
