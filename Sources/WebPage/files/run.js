// The dialogs.
import { ask } from "./api.js";
import { commandLine, isScript, labelsOf, pairs, part, plain, typed, words } from "./text.js";

/// Asks, and carries out a yes, whose error stays in the dialog. Whether that was done.
export function confirm({ title, text, yes }, action = () => {}) {
  const [dialog, button, fault] = [part("ask"), part("ask-yes"), part("ask-problem")];
  [part("ask-title").textContent, part("ask-text").textContent, button.textContent] = [title, text, yes];
  [button.disabled, fault.textContent] = [false, ""];
  return new Promise((done) => {
    let isDone = false;
    const press = button.onclick = async () => {
      [button.disabled, fault.textContent] = [true, ""];
      let problem;
      try { await action(); } catch (error) { problem = error; }
      // It may have been closed, and ask something else now.
      if (button.onclick !== press) return;
      isDone = !problem;
      if (isDone) return dialog.close();
      [button.disabled, fault.textContent] = [false, problem.message];
    };
    dialog.onclose = () => done(isDone);
    dialog.showModal();
    part("ask-no").focus();
  });
}

function number(text, what) {
  if (!/^-?\d+(\.\d+)?$/.test(text)) throw new Error(`${what} must be a number, not "${plain(text, 40)}".`);
  return Number(text);
}

// What goes along unseen when a job is run again.
const carried = ["grace", "user", "group", "merge", "tty", "output_limit", "on_limit", "priority", "runner"];
let base = {};
let key = "";

/// As `PUT /jobs` takes it. Throws an Error for what cannot be read.
function creation(form) {
  const value = (name) => form.elements[name].value.trim();
  const line = value("command");
  const [cmd, ...args] = form.elements.shell.checked ? ["sh", "-c", line] : words(line, true);
  if (!line || !cmd) throw new Error("There is no command.");
  const [job, limits] = [{ ...base, cmd, args }, {}];
  for (const name of ["cwd", "timeout", "queue"]) if (value(name)) job[name] = value(name);
  const env = form.elements.env.value.split("\n").filter((one) => one.trim());
  if (env.length) job.env = pairs(env, "A line of the environment");
  if (value("labels")) job.labels = pairs(words(value("labels")), "A label");
  if (value("queue_slots")) job.queue_slots = number(value("queue_slots"), "Jobs of the queue at once");
  const memory = value("memory");
  if (memory) limits.memory = /^\d+$/.test(memory) ? Number(memory) : memory;
  for (const name of ["cpus", "processes"]) if (value(name)) limits[name] = number(value(name), `The limit of ${name}`);
  return Object.keys(limits).length ? { ...job, limits } : job;
}

/// With what another job was to run, if one is given.
export function openRun(job = { cmd: "", args: [] }) {
  const form = part("create-form");
  form.reset();
  part("create-problem").textContent = "";
  key = crypto.randomUUID();
  const kept = carried.filter((name) => name in job);
  base = Object.fromEntries(kept.map((name) => [name, job[name]]));
  part("create-note").textContent = job.cmd && (kept.length ? `Kept, but not shown here: ${kept.map((name) => (name === "tty" ? "terminal" : name.replace("_", " "))).join(", ")}. ` : "")
    + "Left out: that job's environment and input, which the daemon tells nobody.";
  const fill = (name, value) => { form.elements[name].value = value ?? ""; };
  if (job.cmd) fill("command", commandLine(job));
  form.elements.shell.checked = isScript(job);
  fill("labels", typed(labelsOf(job)));
  for (const name of ["cwd", "timeout", "queue", "queue_slots"]) fill(name, job[name]);
  for (const name of ["memory", "cpus", "processes"]) fill(name, job.limits?.[name]);
  part("create").showModal();
  form.elements.command.focus();
}

async function submit(form) {
  const [fault, button] = [part("create-problem"), part("create-yes")];
  fault.textContent = "";
  try {
    const body = creation(form);
    button.disabled = true;
    // A request whose answer is lost can be sent again: the key makes one job of both.
    const { id } = await (await ask("PUT", "/jobs", { body, headers: { "Idempotency-Key": key } })).json();
    part("create").close();
    location.hash = `#/jobs/${id}`;
  } catch (error) {
    if (error.status) key = crypto.randomUUID();
    fault.textContent = error.message;
  } finally {
    button.disabled = false;
  }
}

export function setUpRun() {
  const form = part("create-form");
  form.onsubmit = (event) => {
    event.preventDefault();
    submit(form);
  };
  form.onkeydown = (event) => {
    if (event.key === "Enter" && (event.ctrlKey || event.metaKey)) form.requestSubmit();
  };
  form.oninput = () => { key = crypto.randomUUID(); };
  part("create-no").onclick = () => part("create").close();
}
