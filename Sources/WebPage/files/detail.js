// One job: what is known of it, its times, its output, and what can be done with it.
import { ask, calm, get, mayCreate, mayEnd } from "./api.js";
import { outputPanel } from "./output.js";
import { confirm, openRun } from "./run.js";
import { badge, bytes, commandLine, duration, el, fault, microseconds, moment, plain, seconds, state } from "./text.js";

const code = (text) => text && el("code", {}, plain(text, 16384));
const list = (...parts) => parts.filter(Boolean).join(", ");
const size = (count, dropped) => bytes(count) + (dropped ? ` (${bytes(dropped)} dropped)` : "");

/// Why it does not run yet.
function waits({ ahead = 0, queue, queue_slots = 1 }) {
  const before = ahead ? `${ahead}${ahead >= 10000 ? " or more" : ""} of this client's jobs go before it` : "it is the next of this client's";
  return `It waits for a slot: ${list(before, queue && `in the queue ${plain(queue)}, which runs ${queue_slots} at once`)}.`;
}

/// All members of a job, the known ones in words; `others` are those that a later daemon may add.
function facts(job) {
  const { id, cmd, args, status, exit_code, signal, error_msg, error_code, timed_out, truncated, queued, ended_by, stopped_by, client, created,
    started, finished, pid, stdout_bytes, stderr_bytes, stdout_dropped, stderr_dropped, usage, ahead, times, cwd, labels, user, group,
    timeout, grace, output_limit, on_limit, priority, queue, queue_slots = 1, limits = {}, ...others } = job;
  const { memory } = limits;
  const rows = { Id: code(id),
    Ended: list(error_msg && plain(error_msg), exit_code !== undefined && `exit code ${exit_code}`, signal && `signal ${signal}`,
      ended_by && ended_by !== "exit" && `ended by ${ended_by.replace("_", " ")}`, timed_out && "its time was up"),
    "Stopped by": stopped_by && el("span", {}, stopped_by.client ? code(stopped_by.client) : "the daemon's end", " at ", moment(stopped_by.time)),
    Program: code(cmd), Arguments: args.length > 0 && code(JSON.stringify(args)), Directory: code(cwd), Client: code(client),
    User: code(user && (group ? `${user}:${group}` : user)), Labels: labels && code(Object.entries(labels).map((pair) => pair.join("=")).join(" ")),
    Queue: list(queue && `${plain(queue)}, ${queue_slots} at once`, priority && `priority ${priority}`),
    Limits: list(memory && `memory ${Number(memory) ? bytes(memory) : plain(memory)}`, limits.cpus && `${limits.cpus} CPUs`,
      limits.processes && `${limits.processes} processes`, timeout && `time ${plain(timeout)}`, grace && `grace ${plain(grace)}`,
      output_limit !== undefined && `output ${bytes(output_limit)} a stream`, on_limit && `then ${plain(on_limit)}`),
    Used: usage && list(`CPU ${microseconds(usage.user_us)} user`, `${microseconds(usage.system_us)} system`,
      usage.throttled_us && `held back ${microseconds(usage.throttled_us)}`, usage.memory_bytes && `memory ${bytes(usage.memory_bytes)} now`,
      usage.max_rss_kib && `${bytes(usage.max_rss_kib * 1024)} at most`),
    Output: list(`stdout ${size(stdout_bytes, stdout_dropped)}`, `stderr ${size(stderr_bytes, stderr_dropped)}`, truncated && "not all was kept"),
    Process: pid && `${pid}`, Created: moment(created), Started: started && moment(started), Finished: finished && moment(finished) };
  for (const [name, value] of Object.entries(others)) rows[name.replaceAll("_", " ")] = code(typeof value === "string" ? value : JSON.stringify(value));
  return Object.entries(rows).filter(([, value]) => value).flatMap(([name, value]) => [el("dt", {}, plain(name)), el("dd", {}, value)]);
}

/// Where its time went: parts of one bar, and the same in words.
function times(job) {
  const [created, started] = [seconds(job.created), job.started && seconds(job.started)];
  const end = job.finished ? seconds(job.finished) : Date.now() / 1000;
  const first = job.times?.first_output;
  const waited = job.started ? "waited" : job.status === "running" ? "has waited" : "did not start in";
  const spans = [["wait", waited, created, started ?? end]];
  if (started) spans.push(["runs", job.finished ? "ran" : "has run", started, end]);
  const parts = spans.map(([kind, , from, to]) => {
    const part = el("span", { class: kind });
    // A sum below 1 would not fill the bar.
    part.style.flexGrow = Math.max(0, to - from) * 1e6;
    return part;
  });
  const text = list(...spans.map(([, word, from, to]) => `${word} ${duration(to - from)}`),
    first && started && `first output after ${duration(seconds(first) - started)}`);
  return [el("div", { class: "times", role: "img", "aria-label": `Times: ${text}` }, ...parts), el("p", { class: "note" }, text)];
}

function actions(job, act) {
  const stop = el("button", { type: "button", click: () => act("stop") }, "Stop");
  const remove = el("button", { type: "button", class: "danger", click: () => act("delete") }, "Delete");
  const again = el("button", { type: "button", click: () => openRun(job) }, "Run again");
  return [...(mayEnd(job) && job.status === "running" ? [stop] : []), ...(mayCreate() ? [again] : []), ...(mayEnd(job) ? [remove] : [])];
}

const questions = {
  stop: { title: "Stop this job?", text: "Its processes are asked to end, and killed after its time of grace.", yes: "Stop it",
    method: "POST", path: "/stop", told: "The job has been stopped." },
  delete: { title: "Delete this job?", text: "Its processes are killed, its record and output removed for good.", yes: "Delete it",
    method: "DELETE", path: "", told: "The job is deleted." },
};

/// The parts of the view, in their places.
function frame(main) {
  const parts = { wrong: fault(), status: el("span"), heading: el("h1"), buttons: el("div", { class: "buttons" }),
    why: el("p", { class: "note" }), bar: el("div"), table: el("dl", { class: "facts" }) };
  main.append(el("p", {}, el("a", { href: "#/jobs" }, "← Jobs")), el("div", { class: "title" }, parts.status, parts.heading, parts.buttons),
    parts.wrong.element, parts.why, parts.bar, parts.table);
  return parts;
}

function show(parts, job, act) {
  const text = commandLine(job).slice(0, 4096).split("\n").map((line) => plain(line)).join("\n");
  if (parts.heading.textContent !== text) parts.heading.textContent = text;
  document.title = `${state(job).text}: ${text.slice(0, 60)} · jobd`;
  parts.status.replaceChildren(badge(job));
  // They are made anew only when they change: one of them may have the focus.
  if (parts.shown !== job.status) parts.buttons.replaceChildren(...actions(job, act));
  parts.shown = job.status;
  parts.why.textContent = job.queued ? waits(job) : "";
  parts.bar.replaceChildren(...times(job));
  parts.table.replaceChildren(...facts(job));
}

export function detailView(main, id, announce) {
  const stop = new AbortController();
  const parts = frame(main);
  let [job, panel] = [null, null];
  document.title = "Job · jobd";
  const act = async (name) => {
    const question = questions[name];
    const isDone = await confirm(question, () => ask(question.method, `/jobs/${id}${question.path}`));
    if (!isDone) return;
    announce(question.told);
    if (name === "delete") location.hash = "#/jobs";
    else refresh();
  };
  const refresh = calm(async () => {
    try {
      const before = job && state(job).text;
      job = await get(`/jobs/${id}`, { signal: stop.signal });
      parts.wrong.show();
      show(parts, job, act);
      if (before && before !== state(job).text) announce(`The job: ${state(job).text}`);
      if (!panel) main.append((panel = outputPanel(job)).element);
    } catch (error) {
      if (stop.signal.aborted) return;
      const isGone = error.status === 404;
      if (isGone) parts.buttons.replaceChildren();
      parts.wrong.show(isGone ? "There is no such job: it may have been deleted, or be another client's." : error.message);
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
