// Values as text, and back. All of a job goes into text nodes; nothing is parsed as HTML.

const hidden = /[\p{Cc}\p{Cf}\p{Zl}\p{Zp}\p{Default_Ignorable_Code_Point}]/gu;
const escaped = (character) => {
  const code = character.codePointAt(0);
  const hex = code.toString(16).padStart(4, "0");
  return code < 0x20 ? String.fromCodePoint(0x2400 + code) : `\\u${code > 0xffff ? `{${hex}}` : hex}`;
};

/// With what cannot be seen made visible; at most `most` characters.
export function plain(text, most = 4096) {
  const more = String(text).length - most;
  return String(text).slice(0, most).replace(hidden, escaped) + (more > 0 ? ` … ${more} more characters` : "");
}

// Of output: joiners and tabs belong to it, what changes direction does not.
const directing = /[\u061c\u200e\u200f\u202a-\u202e\u2066-\u2069]/g;
export const undirected = (text) => text.replace(directing, escaped);

/// An element: tag.class, perhaps attributes, of which functions listen, and children.
export function el(tag, ...children) {
  const attributes = children[0]?.constructor === Object ? children.shift() : {};
  const [name, ...classes] = tag.split(".");
  const element = ["svg", "polyline"].includes(name) ? document.createElementNS("http://www.w3.org/2000/svg", name) : document.createElement(name);
  if (classes.length) element.setAttribute("class", classes.join(" "));
  for (const [name, value] of Object.entries(attributes)) {
    if (typeof value === "function") element.addEventListener(name, value);
    else if (value !== undefined && value !== false) element.setAttribute(name, value === true ? "" : value);
  }
  element.append(...children.filter(Boolean));
  return element;
}

export const copier = (text, what) => el("button", { class: "copy", "aria-label": `Copy ${what}`,
  click: async ({ target }) => {
    target.textContent = await navigator.clipboard.writeText(text).then(() => "Copied", () => "Not allowed");
  } }, "Copy");

/// For what went wrong; not seen without a text.
export const fault = (role = "alert") => el("p.problem", { role });
/// Who listens is told of changes alone.
export const write = (element, text) => { if (element.textContent !== text) element.textContent = text; };
export const part = (id) => document.getElementById(id);

export function bytes(count) {
  const unit = Math.min(4, Math.floor(Math.log2(Math.max(1, count)) / 10));
  const value = count / 1024 ** unit;
  return `${unit && value < 10 ? value.toFixed(1) : Math.round(value)} ${["B", "KiB", "MiB", "GiB", "TiB"][unit]}`;
}

/// A time in seconds.
export function duration(seconds) {
  const time = Math.max(0, seconds);
  if (time < 0.0995) return `${Math.round(time * 1000)} ms`;
  if (time < 59.95) return `${time.toFixed(1)} s`;
  const whole = Math.round(time);
  const parts = [[whole / 86400, "d"], [whole / 3600 % 24, "h"], [whole / 60 % 60, "min"], [whole % 60, "s"]];
  const first = parts.findIndex(([count]) => count >= 1);
  return parts.slice(first, first + 2).map(([count, unit]) => `${Math.floor(count)} ${unit}`).join(" ");
}

export const seconds = (time) => Date.parse(time) / 1000;

const clock = { hour: "2-digit", minute: "2-digit", second: "2-digit", hourCycle: "h23" };
const [sameDay, otherDay, whole] = [clock, { ...clock, month: "short", day: "numeric" }, { dateStyle: "full", timeStyle: "long" }]
  .map((format) => new Intl.DateTimeFormat(undefined, format));
/// In the reader's own zone.
export function moment(time) {
  const date = new Date(time);
  return el("time", { datetime: time, title: `${whole.format(date)} (${time})` }, (date.toDateString() === new Date().toDateString() ? sameDay : otherDay).format(date));
}

export const labelsOf = (job) => Object.entries(job.labels ?? {}).map((pair) => pair.join("="));
const quoted = (word) => (/^[\w@%+=:,./-]+$/.test(word) ? word : `'${word.replaceAll("'", `'\\''`)}'`);
export const typed = (list) => list.map(quoted).join(" ");
export const isScript = (job) => job.cmd === "sh" && job.args.length === 2 && job.args[0] === "-c";
/// The command as it is shown: of a script for sh the script.
export const commandLine = (job) => (isScript(job) ? job.args[1] : typed([job.cmd, ...job.args]));

// Blanks, quoted text in three ways, what is for a shell, and the rest.
const pieces = /(\s+)|'([^']*)'|"((?:[^"\\]|\\[^])*)"|\\([^])|([;|&<>()])|([^\s'"\\;|&<>()]+)|[^]/g;
const unescaped = (text) => text?.replace(/\\(?:\n|([$`"\\]))/g, "$1");
/// Words as a shell splits them. Throws an Error that says what is wrong.
export function words(line, isCommand = false) {
  const found = [];
  let isOpen = false;
  for (const [all, blank, single, double, escape, operator, rest] of line.matchAll(pieces)) {
    const text = single ?? unescaped(double) ?? escape ?? operator ?? rest;
    if (isCommand && operator) throw new Error(`"${all}" is for a shell: quote it, or tick "Run it with sh -c".`);
    if (all === "\\") throw new Error("The line ends with a backslash that stands before nothing.");
    if (!blank && text === undefined) throw new Error(`A quote ${all} is opened and not closed.`);
    // A line that goes on.
    if (escape === "\n") continue;
    if (blank) isOpen = false;
    else if (isOpen) found[found.length - 1] += text;
    else isOpen = found.push(text) > 0;
  }
  return found;
}

export function pairs(texts, what) {
  return Object.fromEntries(texts.map((text) => {
    const at = text.indexOf("=");
    if (at < 1) throw new Error(`${what} must be NAME=VALUE, not "${plain(text, 60)}".`);
    return [text.slice(0, at), text.slice(at + 1)];
  }));
}

const stops = {
  signal: "by a signal", timeout: "at its time limit", stop: "stopped", output_limit: "at its output limit",
  memory: "out of memory", shutdown: "by the daemon's end", lost: "lost",
};
/// A word for its class, a mark that is no colour, and its text.
export function state(job) {
  if (job.status === "running") {
    if (job.isStopping) return { kind: "stopped", mark: "■", text: "Stopping…" };
    return job.queued ? { kind: "waiting", mark: "◷", text: "Waiting" } : { kind: "running", mark: "▶", text: "Running" };
  }
  if (job.status === "error") return { kind: "failed", mark: "✕", text: job.started ? "Error" : "Not started" };
  if (job.exit_code === 0) return { kind: "done", mark: "✓", text: "Done" };
  const how = job.ended_by && job.ended_by !== "exit" ? stops[job.ended_by] ?? job.ended_by : `exit ${job.exit_code}`;
  return { kind: job.ended_by === "stop" ? "stopped" : "failed", mark: job.ended_by === "stop" ? "■" : "✕",
    text: how[0].toUpperCase() + how.slice(1) };
}
export function badge(job) {
  const { kind, mark, text } = state(job);
  return el(`span.state.${kind}`, el("span", { "aria-hidden": "true" }, mark), ` ${text}`);
}

/// How long the job ran, or has run; empty when it never did.
export const took = ({ started, finished }) =>
  started ? duration((finished ? seconds(finished) : Date.now() / 1000) - seconds(started)) : "";
