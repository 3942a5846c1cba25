// The list of jobs: read anew when something happened.
import { calm, get, seesAll } from "./api.js";
import { loadStrip } from "./load.js";
import { badge, commandLine, el, fault, moment, plain, state, took, typed, words } from "./text.js";

const size = 100;
// For a page at most: jobs that did not fail are left out here.
const mostRequests = 10;
const states = {
  "": ["All states", ""], waiting: ["Waiting", "state=queued"], running: ["Running", "state=running&queued=0"],
  completed: ["Completed", "state=completed"], failed: ["Failed", "state=completed&state=error"],
};
const isFailure = (job) => job.status === "error" || (job.exit_code ?? 0) !== 0;

/// The address of the list with these filters.
export function listHash(filters) {
  const query = new URLSearchParams(Object.entries(filters).flatMap(([name, value]) =>
    (Array.isArray(value) ? value : [value]).filter(Boolean).map((one) => [name, one])));
  return `#/jobs?${query}`.replace(/\?$/, "");
}

function read(query) {
  const given = new URLSearchParams(query);
  return { state: states[given.get("state")] ? given.get("state") : "", label: given.getAll("label"),
    client: given.get("client") ?? "", cursor: given.get("cursor") ?? "" };
}

function target(filters, cursor) {
  const query = new URLSearchParams(states[filters.state][1]);
  query.set("limit", size);
  for (const label of filters.label) query.append("label", label);
  const client = filters.client || (seesAll() ? "*" : "");
  if (client) query.set("client", client);
  if (cursor) query.set("cursor", cursor);
  return `/jobs?${query}`;
}

/// A page of jobs: the API's may be short and not the last.
async function readJobs(filters, signal) {
  const found = { jobs: [], next: filters.cursor };
  for (let count = 0; count < mostRequests && found.jobs.length < size; count++) {
    const page = await get(target(filters, found.next), { signal });
    found.jobs.push(...(filters.state === "failed" ? page.jobs.filter(isFailure) : page.jobs));
    found.next = page.next;
    if (!found.next) break;
  }
  return found;
}

class Rows {
  constructor(body) {
    this.body = body;
    this.rows = new Map();
  }

  // Rows that stay are not moved, so that the focus stays in them.
  show(jobs) {
    const ids = new Set(jobs.map((job) => job.id));
    for (const [id, row] of this.rows) {
      if (ids.has(id)) continue;
      row.element.remove();
      this.rows.delete(id);
    }
    jobs.forEach((job, place) => {
      const row = this.rows.get(job.id) ?? this.make(job);
      this.update(row, job);
      const there = this.body.children[place];
      if (there !== row.element) this.body.insertBefore(row.element, there ?? null);
    });
  }

  make(job) {
    const row = { command: el("a", { class: "command", href: `#/jobs/${job.id}` }), state: el("td"), took: el("td", { class: "number" }),
      about: el("span", { class: "about" }) };
    row.element = el("tr", {}, row.state, el("td", {}, el("div", { class: "what" }, row.command, row.about)),
      seesAll() && el("td", { class: "wide" }, el("a", { href: listHash({ client: job.client }) }, plain(job.client, 60))),
      el("td", { class: "wide number" }, moment(job.created)), row.took);
    this.rows.set(job.id, row);
    return row;
  }

  update(row, job) {
    const text = JSON.stringify(job);
    if (row.text !== text) {
      row.text = text;
      row.job = job;
      row.state.replaceChildren(badge(job));
      row.command.textContent = plain(commandLine(job), 300);
      row.about.replaceChildren(...about(job));
    }
    row.took.textContent = took(job);
  }

  tick() {
    for (const row of this.rows.values()) if (row.job.status === "running") row.took.textContent = took(row.job);
  }
}

function about(job) {
  const labels = Object.entries(job.labels ?? {}).map(([name, value]) => {
    const label = `${name}=${value}`;
    return el("a", { href: listHash({ label }) }, plain(label, 60));
  });
  const note = (kind, text) => (text ? [el("span", { class: `note ${kind}` }, plain(text, 160))] : []);
  return [...labels, ...note("", job.queue && `queue ${job.queue}`), ...note("failed", job.error_msg)];
}

function filterForm(apply) {
  const choice = el("select", { name: "state", change: apply },
    ...Object.entries(states).map(([value, [text]]) => el("option", { value }, text)));
  const label = el("input", { name: "label", placeholder: "NAME=VALUE", change: apply });
  const client = el("input", { name: "client", placeholder: "all", change: apply });
  const form = el("form", { class: "filters", role: "search", "aria-label": "Jobs to show",
    submit: (event) => { event.preventDefault(); apply(); } },
    el("label", {}, "State ", choice), el("label", {}, "Labels ", label),
    seesAll() && el("label", {}, "Client ", client),
    el("a", { href: "#/jobs", class: "clear" }, "Clear"), el("button", { type: "submit", class: "unseen" }, "Show"));
  return { form, values: () => ({ state: choice.value, label: words(label.value), client: client.value.trim() }),
    fill(filters) {
      choice.value = filters.state;
      label.value = typed(filters.label);
      client.value = filters.client === "*" ? "" : filters.client;
      form.querySelector(".clear").hidden = !(filters.state || filters.label.length || filters.client);
    } };
}

function summary(jobs, filters) {
  if (jobs.length === 0) return filters.cursor ? "No older jobs." : "No jobs.";
  const count = (kind) => jobs.filter((job) => state(job).kind === kind).length;
  const kinds = [["running", count("running")], ["waiting", count("waiting")], ["failed", count("failed")]];
  const parts = kinds.filter(([, number]) => number > 0).map(([kind, number]) => `${number} ${kind}`);
  return [`${jobs.length} ${jobs.length === 1 ? "job" : "jobs"}`, ...parts].join(", ");
}

const head = () => el("thead", {}, el("tr", {}, el("th", { scope: "col" }, "State"), el("th", { scope: "col" }, "Command"),
  seesAll() && el("th", { scope: "col", class: "wide" }, "Client"),
  el("th", { scope: "col", class: "wide number" }, "Created"), el("th", { scope: "col", class: "number" }, "Ran")));

function links(filters, next) {
  const link = (cursor, text) => el("a", { href: listHash({ ...filters, cursor }) }, text);
  return [filters.cursor && link("", "Newest"), next && link(next, "Older")].filter(Boolean);
}

export function listView(main, query) {
  let filters = read(query);
  const stop = new AbortController();
  const [wrong, told, body] = [fault(), el("p", { class: "summary", "aria-live": "polite" }), el("tbody")];
  const pages = el("nav", { class: "pages", "aria-label": "Pages" });
  const rows = new Rows(body);
  const form = filterForm(() => {
    try { location.hash = listHash(form.values()); } catch (error) { wrong.show(error.message); }
  });
  const update = ({ jobs, next }) => {
    rows.show(jobs);
    const text = summary(jobs, filters);
    if (told.textContent !== text) told.textContent = text;
    pages.replaceChildren(...links(filters, next));
  };
  const refresh = calm(async () => {
    const asked = filters;
    try {
      const found = await readJobs(asked, stop.signal);
      if (asked !== filters) return refresh();
      wrong.show();
      update(found);
    } catch (error) {
      if (stop.signal.aborted) return;
      wrong.show(error.message);
      // Refused: what is shown is of other filters.
      if (error.status) update({ jobs: [] });
    }
  });
  const show = (query) => {
    filters = read(query);
    form.fill(filters);
    refresh();
  };
  const load = seesAll() ? loadStrip() : null;
  const clock = setInterval(() => rows.tick(), 1000);
  document.title = "Jobs · jobd";
  main.append(el("h1", { class: "unseen" }, "Jobs"), load?.element ?? "", form.form, wrong.element, told,
    el("table", { class: "jobs" }, el("caption", { class: "unseen" }, "Jobs, newest first"), head(), body), pages);
  show(query);
  return { changed: refresh, show, close() {
    stop.abort();
    refresh.cancel();
    clearInterval(clock);
    load?.close();
  } };
}
