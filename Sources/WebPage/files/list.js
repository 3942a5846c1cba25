// The list of jobs.
import { calm, get, seesAll } from "./api.js";
import { loadStrip } from "./load.js";
import { badge, commandLine, el, fault, labelsOf, moment, pairs, plain, state, took, typed, words, write } from "./text.js";

const size = 100;
// For a page at most: what did not fail is left out here.
const mostRequests = 10;
const states = {
  "": ["All states", ""], waiting: ["Waiting", "state=queued"], running: ["Running", "state=running&queued=0"],
  completed: ["Completed", "state=completed"], failed: ["Failed", "state=completed&state=error"],
};
const isFailure = (job) => job.status === "error" || (job.exit_code ?? 0) !== 0;

function listHash(filters) {
  const query = Object.entries(filters).flatMap(([name, value]) => [value].flat().filter(Boolean).map((one) => [name, one]));
  return `#/jobs?${new URLSearchParams(query)}`.replace(/\?$/, "");
}

function read(query) {
  const given = new URLSearchParams(query);
  const one = (name) => given.get(name) ?? "";
  return { state: states[one("state")] ? one("state") : "", label: given.getAll("label"), client: one("client"), cursor: one("cursor") };
}

function target({ state, label, client }, cursor) {
  const query = new URLSearchParams(states[state][1]);
  query.set("limit", size);
  for (const one of label) query.append("label", one);
  if (client || seesAll()) query.set("client", client || "*");
  if (cursor) query.set("cursor", cursor);
  return `/jobs?${query}`;
}

/// A page of jobs: the API's may be short and not the last.
async function readJobs(filters, signal) {
  const found = { jobs: [], next: filters.cursor, looked: 0 };
  for (let count = 0; count < mostRequests && found.jobs.length < size; count++) {
    const page = await get(target(filters, found.next), { signal });
    found.jobs.push(...(filters.state === "failed" ? page.jobs.filter(isFailure) : page.jobs));
    found.next = page.next;
    found.looked += page.jobs.length;
    if (!found.next) break;
  }
  return found;
}

class Rows {
  constructor(body) { Object.assign(this, { body, rows: new Map() }); }

  // Rows that stay are not moved, so that the focus stays in them.
  show(jobs) {
    const rows = new Map(jobs.map((job) => [job.id, this.rows.get(job.id) ?? this.make(job)]));
    for (const [id, row] of this.rows) if (!rows.has(id)) row.element.remove();
    this.rows = rows;
    jobs.forEach((job, place) => {
      const row = rows.get(job.id);
      this.update(row, job);
      const there = this.body.children[place];
      if (there !== row.element) this.body.insertBefore(row.element, there ?? null);
    });
  }

  make(job) {
    const row = { command: el("a.command", { href: `#/jobs/${job.id}` }), state: el("td"), took: el("td.number"), about: el("span.about") };
    row.element = el("tr", row.state, el("td", el("div.what", row.command, row.about)),
      seesAll() && el("td.wide", el("a", { href: listHash({ client: job.client }) }, plain(job.client, 60))),
      el("td.wide.number", moment(job.created)), row.took);
    return row;
  }

  update(row, job) {
    const text = JSON.stringify(job);
    if (row.text !== text) {
      Object.assign(row, { text, job });
      row.state.replaceChildren(badge(job));
      row.command.textContent = plain(commandLine(job), 300);
      row.about.replaceChildren(...about(job));
    }
    row.took.textContent = took(job);
  }

  tick() { for (const row of this.rows.values()) row.took.textContent = took(row.job); }
}

function about(job) {
  const links = labelsOf(job).map((label) => el("a", { href: listHash({ label }), title: plain(label) }, plain(label, 60)));
  // jobctl batch names both of one key.
  const queue = job.queue !== `batch/${job.labels?.batch}` && job.queue;
  return [...links, queue && el("span.note", `queue ${plain(queue)}`), job.error_msg && el("span.note.failed", plain(job.error_msg, 160))]
    .filter(Boolean);
}

function filterForm(apply) {
  const choice = el("select", { name: "state" }, ...Object.entries(states).map(([value, [text]]) => el("option", { value }, text)));
  const label = el("input", { name: "label", placeholder: "NAME=VALUE" });
  const client = el("input", { name: "client", placeholder: "all" });
  const clear = el("a.clear", { href: "#/jobs" }, "Clear");
  const form = el("form.filters", { role: "search", "aria-label": "Jobs to show",
    change: apply, submit: (event) => { event.preventDefault(); apply(); } },
    el("label", "State ", choice), el("label", "Labels ", label), seesAll() && el("label", "Client ", client),
    clear, el("button.unseen", "Show"));
  return { form, values() {
    const given = words(label.value);
    pairs(given, "A label");
    return { state: choice.value, label: given, client: client.value.trim() };
  },
  fill(filters) {
    choice.value = filters.state;
    label.value = typed(filters.label);
    client.value = filters.client === "*" ? "" : filters.client;
    clear.hidden = !(filters.state || filters.label.length || filters.client);
  } };
}

function summary({ jobs, next, looked }, { cursor }) {
  if (jobs.length === 0) return next ? `None among the ${looked} ${cursor ? "next" : "newest"}.` : cursor ? "No older jobs." : "No jobs.";
  const parts = ["running", "waiting", "failed"].map((kind) => [jobs.filter((job) => state(job).kind === kind).length, kind])
    .filter(([count]) => count).map((part) => part.join(" "));
  const which = cursor ? "older " : "";
  return [`${next && !cursor ? "The newest " : ""}${jobs.length} ${which}${jobs.length === 1 ? "job" : "jobs"}`, ...parts].join(", ");
}

const column = (text, kind = "") => el(`th${kind}`, { scope: "col" }, text);
const head = () => el("thead", el("tr", column("State"), column("Command"), seesAll() && column("Client", ".wide"),
  column("Created", ".wide.number"), column("Ran", ".number")));

function links(filters, next) {
  const link = (cursor, text) => el("a", { href: listHash({ ...filters, cursor }) }, text);
  return [filters.cursor && link("", "Newest"), next && link(next, "Older")].filter(Boolean);
}

export function listView(main, query) {
  let filters = read(query);
  const stop = new AbortController();
  const [mistyped, wrong, told, body] = [fault(), fault(), el("p.summary", { "aria-live": "polite" }), el("tbody")];
  const pages = el("nav.pages", { "aria-label": "Pages" });
  const rows = new Rows(body);
  const form = filterForm(() => {
    mistyped.textContent = "";
    try { location.hash = listHash(form.values()); } catch (error) { mistyped.textContent = error.message; }
  });
  const update = (found) => {
    rows.show(found.jobs);
    write(told, summary(found, filters));
    pages.replaceChildren(...links(filters, found.next));
  };
  const refresh = calm(async () => {
    const asked = filters;
    try {
      const found = await readJobs(asked, stop.signal);
      if (asked !== filters) return refresh();
      wrong.textContent = "";
      update(found);
    } catch (error) {
      if (stop.signal.aborted) return;
      wrong.textContent = error.message;
      // Refused: what is shown is of other filters.
      if ([400, 403, 404].includes(error.status)) update({ jobs: [] });
      else setTimeout(refresh, 3000);
    }
  });
  const show = (query) => {
    filters = read(query);
    form.fill(filters);
    mistyped.textContent = "";
    refresh();
  };
  const load = seesAll() && loadStrip();
  const clock = setInterval(() => rows.tick(), 1000);
  document.title = "Jobs · jobd";
  main.append(el("h1.unseen", "Jobs"), load ? load.element : "", form.form, mistyped, wrong, told,
    el("table.jobs", el("caption.unseen", "Jobs, newest first"), head(), body), pages);
  show(query);
  return { changed: refresh, show, close() {
    stop.abort();
    refresh.cancel();
    clearInterval(clock);
    if (load) load.close();
  } };
}
