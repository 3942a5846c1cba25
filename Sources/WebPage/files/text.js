// What is shown of values, and read from what people type. All of a job goes into text nodes; nothing is parsed as HTML.

// Characters that would change how the text around them reads.
const hidden = /[\u0000-\u001f\u007f-\u009f\u061c\u200b-\u200f\u2028-\u202e\u2060-\u2069\ufeff]/g;
const escaped = (character) => {
  const code = character.codePointAt(0);
  return code < 0x20 ? String.fromCodePoint(0x2400 + code) : `\\u${code.toString(16).padStart(4, "0")}`;
};

/// The text with what cannot be seen made visible, at most `most` characters of it.
export function plain(text, most = 4096) {
  const whole = String(text);
  const shown = whole.length > most ? whole.slice(0, most) : whole;
  return shown.replace(hidden, escaped) + (whole.length > most ? ` … ${whole.length - most} more characters` : "");
}

// Of output: joiners and tabs belong to it, what changes direction does not.
const directing = /[\u061c\u200e\u200f\u202a-\u202e\u2066-\u2069]/g;
export const undirected = (text) => text.replace(directing, escaped);

const drawn = ["svg", "polyline", "polygon"];
/// An element; members of `attributes` that are functions listen, others are attributes (true: an empty one).
export function el(tag, attributes = {}, ...children) {
  const element = drawn.includes(tag) ? document.createElementNS("http://www.w3.org/2000/svg", tag) : document.createElement(tag);
  for (const [name, value] of Object.entries(attributes)) {
    if (typeof value === "function") element.addEventListener(name, value);
    else if (value !== undefined && value !== false) element.setAttribute(name, value === true ? "" : value);
  }
  element.append(...children.filter(Boolean));
  return element;
}

/// A line for what went wrong; `show` without a text hides it.
export function fault(role = "alert") {
  const element = el("p", { class: "problem", role, hidden: true });
  return { element, show(text) {
    element.hidden = !text;
    element.textContent = text ?? "";
  } };
}

export function bytes(count) {
  if (count < 1024) return `${count} B`;
  const units = ["KiB", "MiB", "GiB", "TiB"];
  let value = count / 1024;
  let unit = 0;
  while (value >= 1024 && unit < units.length - 1) [value, unit] = [value / 1024, unit + 1];
  return `${value < 10 ? value.toFixed(1) : Math.round(value)} ${units[unit]}`;
}

/// A time in seconds.
export function duration(seconds) {
  const time = Math.max(0, seconds);
  if (time < 0.0995) return `${Math.round(time * 1000)} ms`;
  if (time < 59.95) return `${time.toFixed(1)} s`;
  const whole = Math.round(time);
  const [days, hours, minutes] = [Math.floor(whole / 86400), Math.floor(whole / 3600) % 24, Math.floor(whole / 60) % 60];
  if (days > 0) return `${days} d ${hours} h`;
  return hours > 0 ? `${hours} h ${minutes} min` : `${minutes} min ${whole % 60} s`;
}

export const microseconds = (count) => duration(count / 1e6);
/// Of an RFC 3339 time; Date alone drops what is below a millisecond.
export const seconds = (time) => {
  const fraction = /\.(\d+)/.exec(time);
  return Math.floor(Date.parse(time) / 1000) + (fraction ? Number(`0.${fraction[1]}`) : 0);
};

const clock = { hour: "2-digit", minute: "2-digit", hourCycle: "h23" };
const sameDay = new Intl.DateTimeFormat(undefined, { ...clock, second: "2-digit" });
const otherDay = new Intl.DateTimeFormat(undefined, { ...clock, month: "short", day: "numeric" });
/// A point in time, in the reader's own zone, with the exact one beside.
export function moment(time) {
  const date = new Date(time);
  const isToday = date.toDateString() === new Date().toDateString();
  return el("time", { datetime: time, title: time }, (isToday ? sameDay : otherDay).format(date));
}

const quoted = (word) => (/^[\w@%+=:,./-]+$/.test(word) ? word : `'${word.replaceAll("'", `'\\''`)}'`);
/// Words as one would type them.
export const typed = (list) => list.map(quoted).join(" ");
/// Whether the command is a script for sh.
export const isScript = (job) => job.cmd === "sh" && job.args.length === 2 && job.args[0] === "-c";
/// The command as it is shown: of a script for sh the script.
export const commandLine = (job) => (isScript(job) ? job.args[1] : typed([job.cmd, ...job.args]));

/// The words of a line, split as a shell does. Throws an Error that says what is wrong.
export function words(line) {
  const found = [];
  let word = null;
  let quote = null;
  for (let at = 0; at < line.length; at++) {
    const character = line[at];
    if (quote === "'") {
      if (character === "'") quote = null;
      else word += character;
    } else if (character === "\\") {
      const next = line[++at];
      if (next === undefined) throw new Error("The line ends with a backslash that stands before nothing.");
      const isEscape = !quote || /[$`"\\\n]/.test(next);
      word = (word ?? "") + (isEscape ? (next === "\n" ? "" : next) : `\\${next}`);
    } else if (character === quote) quote = null;
    else if (quote) word += character;
    else if (character === "'" || character === '"') [quote, word] = [character, word ?? ""];
    else if (/\s/.test(character)) {
      if (word !== null) found.push(word);
      word = null;
    } else word = (word ?? "") + character;
  }
  if (quote) throw new Error(`A quote ${quote} is opened and not closed.`);
  return word === null ? found : [...found, word];
}

/// NAME=VALUE texts as one object.
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
/// How a job is: a word for its class, a mark that is no colour, and its text.
export function state(job) {
  if (job.status === "running") {
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
  return el("span", { class: `state ${kind}` }, el("span", { "aria-hidden": "true" }, mark), ` ${text}`);
}

/// How long the job ran, or has run; nil text when it never did.
export function took(job) {
  if (!job.started) return "";
  return duration((job.finished ? seconds(job.finished) : Date.now() / 1000) - seconds(job.started));
}
