// One job, and what can be done with it.
import { ask, calm, get, mayCreate, mayEnd } from "./api.js";
import { outputPanel } from "./output.js";
import { confirm, openRun } from "./run.js";
import { badge, bytes, commandLine, copier, duration, el, fault, isScript, labelsOf, moment, plain, seconds, state, write } from "./text.js";

const code = (text) => text && el("code", plain(text, 16384));
const list = (...parts) => parts.filter(Boolean).join(", ");
const microseconds = (count) => duration(count / 1e6);
const size = (count, dropped) => bytes(count) + (dropped ? ` (${bytes(dropped)} dropped)` : "");

function waits({ ahead = 0, queue, queue_slots = 1 }) {
  const count = ahead >= 10000 ? "10000 or more" : ahead || "none";
  return `It waits for a slot${queue ? ` of the queue ${plain(queue)}, which runs ${queue_slots} at once` : ""}. Jobs of this client before it: ${count}.`;
}

/// All that is known of it; `others` are members that a later daemon may add.
function facts(job) {
  const { id, cmd, args, status, isStopping, exit_code, signal, error_msg, error_code, timed_out, truncated, queued, ended_by, stopped_by, client, created,
    started, finished, pid, tty, merge, stdin_bytes, stdout_bytes, stderr_bytes, stdout_dropped, stderr_dropped, usage, ahead, times, cwd, labels, user, group,
    timeout, grace, output_limit, on_limit, priority, queue, queue_slots = 1, limits = {}, ...others } = job;
  const { memory } = limits;
  const rows = { Ended: list(error_msg && plain(error_msg), exit_code !== undefined && `exit code ${exit_code}`, signal && `signal ${signal}`,
      ended_by && ended_by !== "exit" && `ended by ${ended_by.replace("_", " ")}`, timed_out && "its time was up"),
    "Stopped by": stopped_by && el("span", stopped_by.client ? code(stopped_by.client) : "the daemon's end", " at ", moment(stopped_by.time)),
    // The heading has the command, of a script the script alone.
    Program: isScript(job) && code("sh -c"), Terminal: tty && `${tty.columns} x ${tty.rows}`, Directory: code(cwd), Client: code(client),
    User: code(user && (group ? `${user}:${group}` : user)), Labels: labels && code(labelsOf(job).join(" ")),
    Queue: list(queue && `${plain(queue)}, ${queue_slots} at once`, priority && `priority ${priority}`),
    Limits: list(memory && `memory ${Number(memory) ? bytes(memory) : plain(memory)}`, limits.cpus && `${limits.cpus} CPUs`,
      limits.processes && `${limits.processes} processes`, timeout && `time ${plain(timeout)}`, grace && `grace ${plain(grace)}`,
      output_limit !== undefined && `output ${bytes(output_limit)} a stream`, on_limit && `then ${plain(on_limit)}`),
    Used: usage && list(`CPU ${microseconds(usage.user_us)} user`, `${microseconds(usage.system_us)} system`,
      usage.throttled_us && `held back ${microseconds(usage.throttled_us)}`, usage.memory_bytes && `memory ${bytes(usage.memory_bytes)} now`,
      usage.max_rss_kib && `${bytes(usage.max_rss_kib * 1024)} at most`),
    Input: stdin_bytes !== undefined && `${bytes(stdin_bytes)} so far`,
    Output: list(`stdout ${size(stdout_bytes, stdout_dropped)}`, merge || tty ? "with stderr in it" : `stderr ${size(stderr_bytes, stderr_dropped)}`, truncated && "not all was kept"),
    Process: pid, Created: moment(created), Started: started && moment(started), Finished: finished && moment(finished) };
  for (const [name, value] of Object.entries(others)) rows[name.replaceAll("_", " ")] = code(typeof value === "string" ? value : JSON.stringify(value));
  return Object.entries(rows).filter(([, value]) => value).map(([name, value]) => el("div", el("dt", plain(name)), el("dd", value)));
}

function times(job) {
  const [created, started] = [seconds(job.created), job.started && seconds(job.started)];
  const end = job.finished ? seconds(job.finished) : Date.now() / 1000;
  const first = job.times?.first_output;
  const spans = [["wait", started ? "waited" : job.finished ? "did not start in" : "has waited", created, started ?? end]];
  if (started) spans.push(["runs", job.finished ? "ran" : "has run", started, end]);
  const parts = spans.map(([kind, , from, to]) => {
    const part = el("span", { class: kind });
    // A sum below 1 would not fill the bar.
    part.style.flexGrow = Math.max(0, to - from) * 1e6;
    return part;
  });
  const text = list(...spans.map(([, word, from, to]) => `${word} ${duration(to - from)}`),
    first && started && `first output after ${duration(seconds(first) - started)}`);
  return [el("div.times", { role: "img", "aria-label": `Times: ${text}` }, ...parts), el("p.note", text)];
}

// Jobs to stop: the daemon answers when they have ended.
const stopping = new Set();

function frame(main, id, act) {
  const button = (name, text) => el("button", { hidden: true, click: () => act(name) }, text);
  const parts = { wrong: fault(), status: el("span"), heading: el("h1", { tabindex: "-1" }), why: el("p.note"), bar: el("div"),
    table: el("dl.facts"), stop: button("stop", "Stop"), again: button("again", "Run again"), delete: button("delete", "Delete") };
  parts.delete.className = "danger";
  main.append(el("p.bar", el("a", { href: "#/jobs" }, "← Jobs"), code(id), copier(id, "the id")),
    el("div.title", parts.status, parts.heading, el("div.buttons", parts.stop, parts.again, parts.delete)),
    parts.wrong, parts.why, parts.bar, parts.table);
  return parts;
}

/// Shows the buttons that may be pressed; the focus of one that goes is the heading's.
function allow(parts, job) {
  const mayDelete = job && mayEnd(job);
  const may = { stop: mayDelete && job.status === "running" && !job.isStopping, again: job && mayCreate(), delete: mayDelete };
  for (const [name, isAllowed] of Object.entries(may)) {
    if (!isAllowed && document.activeElement === parts[name]) parts.heading.focus();
    parts[name].hidden = !isAllowed;
  }
}

/// What did not change is left alone: it may be selected.
function fill(table, rows) {
  rows.forEach((row, place) => {
    const there = table.children[place];
    if (!there) table.append(row);
    else if (there.textContent !== row.textContent) there.replaceWith(row);
  });
  while (table.children.length > rows.length) table.lastChild.remove();
}

function show(parts, job) {
  const text = commandLine(job).slice(0, 16384).split("\n").map((line) => plain(line, 16384)).join("\n");
  write(parts.heading, text);
  document.title = `${state(job).text}: ${text.slice(0, 60)} · jobd`;
  parts.status.replaceChildren(badge(job));
  allow(parts, job);
  parts.why.textContent = job.queued ? waits(job) : "";
  parts.bar.replaceChildren(...times(job));
  fill(parts.table, facts(job));
}

export function detailView(main, id, announce) {
  const stop = new AbortController();
  let [job, panel] = [null, null];
  document.title = "Job · jobd";
  const sure = (verb, text, action) =>
    confirm({ title: `${verb} this job?`, text: `${plain(commandLine(job), 80)}: ${text}`, yes: `${verb} it` }, action);
  const actions = {
    again: () => openRun(job),
    async delete() {
      const text = "its processes are killed, its record and output removed for good.";
      if (!await sure("Delete", text, () => ask("DELETE", `/jobs/${id}`))) return;
      announce("The job is deleted.");
      location.hash = "#/jobs";
    },
    async stop() {
      if (!await sure("Stop", "its processes are asked to end, and killed after its time of grace.")) return;
      stopping.add(id);
      refresh();
      try { await ask("POST", `/jobs/${id}/stop`); } catch (error) { announce(`The job ${id} was not stopped: ${error.message}`, true); }
      stopping.delete(id);
      refresh();
    },
  };
  const parts = frame(main, id, (name) => actions[name]());
  const refresh = calm(async () => {
    try {
      const before = job && state(job).text;
      job = { ...await get(`/jobs/${id}`, { signal: stop.signal }), isStopping: stopping.has(id) };
      parts.wrong.textContent = "";
      show(parts, job);
      if (before && before !== state(job).text) announce(`The job: ${state(job).text}`);
      if (!panel) main.append((panel = outputPanel(job)).element);
    } catch (error) {
      if (stop.signal.aborted) return;
      const isGone = error.status === 404;
      parts.wrong.textContent = isGone ? "There is no such job: it may have been deleted, or be another client's." : error.message;
      if (isGone) allow(parts);
      else setTimeout(refresh, 3000);
    }
  });
  // What it uses while it runs is no event.
  const clock = setInterval(() => {
    if (job?.status === "running" && !document.hidden) refresh();
  }, 3000);
  refresh();
  return { changed: (event) => (!event || event.id === id) && refresh(), close() {
    stop.abort();
    refresh.cancel();
    clearInterval(clock);
    panel?.close();
  } };
}
