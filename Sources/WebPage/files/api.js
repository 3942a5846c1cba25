// Short requests, and the page's one event stream.
import { plain } from "./text.js";

/// An answer that says what went wrong, whole.
export class Problem extends Error {
  constructor(status, text) {
    super(text);
    this.status = status;
  }

  static async of(reply) {
    const text = await reply.text();
    let detail = text || reply.statusText;
    try { detail = JSON.parse(text).detail ?? detail; } catch { /* not JSON */ }
    return new Problem(reply.status, `${plain(detail)} (${reply.status})`);
  }
}

/// The reply. Throws Problem, with status 0 when there was none.
export async function ask(method, path, { body, headers = {}, signal } = {}) {
  const options = { method, headers, signal, cache: "no-store" };
  if (body) Object.assign(options, { body: JSON.stringify(body), headers: { ...headers, "Content-Type": "application/json" } });
  let reply;
  try {
    reply = await fetch(path, options);
  } catch (error) {
    if (signal?.aborted) throw error;
    throw new Problem(0, "The daemon does not answer: it may be stopped, or the connection lost.");
  }
  if (!reply.ok) throw await Problem.of(reply);
  return reply;
}

export const get = async (path, options) => (await ask("GET", path, options)).json();

/// The role decides what is shown alone: the daemon checks every request.
export const session = { client: "", role: "owner" };
export const seesAll = () => session.role !== "owner";
export const mayCreate = () => session.role !== "viewer";
export const mayEnd = (job) =>
  session.role === "operator" || (session.role === "owner" && (job.client ?? session.client) === session.client);

export async function learn() {
  const { client, role } = await get("/jobs?limit=1");
  session.client = client;
  session.role = role ?? "owner";
}

const longest = 15000;
const kinds = ["created", "queued", "started", "finished", "deleted"];
let [handlers, source, timer, pause] = [];

function open() {
  source = new EventSource(`/events?after=now&follow=1${seesAll() ? "&client=*" : ""}`);
  // What happened while there was no stream is not told again: views read anew.
  source.onopen = () => {
    pause = 500;
    handlers.opened();
  };
  source.onerror = () => {
    handlers.lost();
    if (source.readyState === EventSource.CLOSED) timer = setTimeout(again, pause);
  };
  for (const kind of kinds) source.addEventListener(kind, (event) => handlers.changed(JSON.parse(event.data)));
}

/// After a refusal: the role may be another by now.
async function again() {
  pause = Math.min(pause * 2, longest);
  const { role } = session;
  try {
    await learn();
    if (session.role !== role) return location.reload();
    if (!document.hidden) open();
  } catch (error) {
    handlers.lost(error.message);
    timer = setTimeout(again, pause);
  }
}

/// Opens the event stream while the page is seen: browsers have few connections to a host.
export function listen(told) {
  handlers = told;
  const turn = () => {
    clearTimeout(timer);
    source?.close();
    pause = 500;
    if (!document.hidden) open();
  };
  document.addEventListener("visibilitychange", turn);
  turn();
}

/// Calls `action` soon after it was called, at least `apart` milliseconds after it ended last.
export function calm(action, apart = 1000) {
  let [timer, isRunning, isAsked, isOver, last] = [null, false, false, false, 0];
  const start = async () => {
    [timer, isRunning, isAsked] = [null, true, false];
    try { await action(); } finally { [isRunning, last] = [false, performance.now()]; }
    if (isAsked) plan();
  };
  const plan = () => {
    isAsked = true;
    if (timer === null && !isRunning && !isOver) timer = setTimeout(start, Math.max(60, last + apart - performance.now()));
  };
  plan.cancel = () => {
    clearTimeout(timer);
    isOver = true;
  };
  return plan;
}
