// The dialogs: whether something is meant, and a command to run.
import { ask } from "./api.js";
import { commandLine, isScript, pairs, plain, typed, words } from "./text.js";

const part = (id) => document.getElementById(id);

/// Asks, and carries out when the answer is yes; an error stays in the dialog. Whether it was carried out.
export function confirm({ title, text, yes }, action) {
  const dialog = part("ask");
  const [button, fault] = [part("ask-yes"), part("ask-problem")];
  part("ask-title").textContent = title;
  part("ask-text").textContent = text;
  button.textContent = yes;
  [button.disabled, fault.hidden] = [false, true];
  return new Promise((done) => {
    let isDone = false;
    button.onclick = async () => {
      [button.disabled, fault.hidden] = [true, true];
      try {
        await action();
        isDone = true;
        dialog.close();
      } catch (error) {
        fault.textContent = error.message;
        [button.disabled, fault.hidden] = [false, false];
      }
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

// Of another job that is run again: what the form does not show.
const carried = ["grace", "user", "group", "merge", "output_limit", "on_limit", "priority", "runner"];
let base = {};
let key = "";

/// What the form asks for, as `PUT /jobs` takes it. Throws an Error for what it cannot read.
function creation(form) {
  const value = (name) => form.elements[name].value.trim();
  const line = value("command");
  const [cmd, ...args] = form.elements.shell.checked ? ["sh", "-c", line] : words(line);
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

/// Opens the form, with what another job was to run if one is given. Its environment and input are not known any more.
export function openRun(job = { cmd: "", args: [] }) {
  const form = part("create-form");
  form.reset();
  part("create-problem").hidden = true;
  key = crypto.randomUUID();
  base = Object.fromEntries(carried.filter((name) => name in job).map((name) => [name, job[name]]));
  const fill = (name, value) => { form.elements[name].value = value ?? ""; };
  if (job.cmd) fill("command", commandLine(job));
  form.elements.shell.checked = isScript(job);
  fill("labels", typed(Object.entries(job.labels ?? {}).map((pair) => pair.join("="))));
  for (const name of ["cwd", "timeout", "queue", "queue_slots"]) fill(name, job[name]);
  for (const name of ["memory", "cpus", "processes"]) fill(name, job.limits?.[name]);
  part("create").showModal();
  form.elements.command.focus();
}

async function submit(form) {
  const [fault, button] = [part("create-problem"), part("create-yes")];
  fault.hidden = true;
  try {
    const body = creation(form);
    button.disabled = true;
    // A request whose answer is lost can be sent again: the key makes one job of both.
    const reply = await ask("PUT", "/jobs", { body, headers: { "Idempotency-Key": key } });
    const { id } = await reply.json();
    part("create").close();
    location.hash = `#/jobs/${id}`;
  } catch (error) {
    if (error.status) key = crypto.randomUUID();
    fault.textContent = error.message;
    fault.hidden = false;
  } finally {
    button.disabled = false;
  }
}

export function setUpRun() {
  const form = part("create-form");
  form.addEventListener("submit", (event) => {
    event.preventDefault();
    submit(form);
  });
  form.addEventListener("keydown", (event) => {
    if (event.key === "Enter" && (event.ctrlKey || event.metaKey)) form.requestSubmit();
  });
  form.addEventListener("input", () => { key = crypto.randomUUID(); });
  part("create-no").addEventListener("click", () => part("create").close());
}
