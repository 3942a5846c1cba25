// Which view is shown, by the address's hash, and to whom.
import { learn, listen, mayCreate, session } from "./api.js";
import { detailView } from "./detail.js";
import { listView } from "./list.js";
import { openRun, setUpRun } from "./run.js";
import { el, plain } from "./text.js";

const part = (id) => document.getElementById(id);
const main = part("main");
let view = null;

/// Tells who cannot see the page that something happened.
export function announce(text) { part("news").textContent = text; }

function route() {
  const [path, query = ""] = location.hash.replace(/^#/, "").split(/\?(.*)/s);
  const job = /^\/jobs\/([0-9a-fA-F-]{36})$/.exec(path);
  const key = job ? job[1] : "list";
  if (view?.key === key) return view.show?.(query);
  const isFirst = view === null;
  view?.close();
  main.replaceChildren();
  view = job ? detailView(main, job[1], announce) : listView(main, query, announce);
  view.key = key;
  scrollTo(0, 0);
  if (!isFirst) main.focus({ preventScroll: true });
}

function showLive(isLive) {
  part("live").textContent = isLive ? "Live" : "Reconnecting";
  part("live").classList.toggle("on", isLive);
}

async function start() {
  try {
    await learn();
  } catch (error) {
    const again = el("button", { type: "button", click: () => location.reload() }, "Try again");
    main.replaceChildren(el("p", { class: "problem", role: "alert" }, error.message), again);
    return;
  }
  part("who").replaceChildren(el("b", {}, plain(session.client, 80)), ` ${session.role}`);
  part("run").hidden = !mayCreate();
  part("run").addEventListener("click", () => openRun());
  part("skip").addEventListener("click", (event) => {
    event.preventDefault();
    main.focus();
  });
  setUpRun();
  addEventListener("hashchange", route);
  route();
  listen({
    changed: (event) => view.changed(event),
    opened: () => {
      showLive(true);
      view.changed(null);
    },
    lost: () => showLive(false),
  });
}

start();
