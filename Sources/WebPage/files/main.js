// Which view is shown, by the address's hash, and to whom.
import { learn, listen, mayCreate, session } from "./api.js";
import { detailView } from "./detail.js";
import { listView } from "./list.js";
import { openRun, setUpRun } from "./run.js";
import { el, part, plain } from "./text.js";

const main = part("main");
let view = null;

/// Tells who cannot see the page, and everybody what went wrong.
function announce(text, isBad) {
  part("news").textContent = text;
  part("news").className = isBad ? "problem" : "unseen";
}

function noView(main, path) {
  main.append(el("p.problem", { role: "alert" }, `This page has no "${plain(path, 80)}".`), el("a", { href: "#/jobs" }, "Jobs"));
  document.title = "jobd";
  return { changed() {} };
}

function route() {
  const [path, query = ""] = location.hash.replace(/^#/, "").split(/\?(.*)/s);
  const job = /^\/jobs\/([0-9a-fA-F-]{36})$/.exec(path);
  const key = job ? job[1] : /^\/?(jobs)?$/.test(path) ? "list" : path;
  if (view?.key === key) return view.show?.(query);
  const isFirst = view === null;
  view?.close?.();
  // What they ask is of the view before.
  for (const dialog of document.querySelectorAll("dialog[open]")) dialog.close();
  if (part("news").className === "problem") announce("");
  main.replaceChildren();
  view = job ? detailView(main, job[1], announce) : key === "list" ? listView(main, query) : noView(main, path);
  view.key = key;
  scrollTo(0, 0);
  if (!isFirst) main.focus({ preventScroll: true });
}

function showLive(isLive, why) {
  part("live").textContent = isLive ? "Live" : why ? `Reconnecting: ${why}` : "Reconnecting";
  part("live").classList.toggle("on", isLive);
}

async function start() {
  try {
    await learn();
  } catch (error) {
    return main.replaceChildren(el("p.problem", { role: "alert" }, error.message));
  }
  part("who").replaceChildren(el("b", plain(session.client, 80)), ` ${session.role}`);
  part("run").hidden = !mayCreate();
  part("run").onclick = () => openRun();
  part("skip").onclick = (event) => {
    event.preventDefault();
    main.focus();
  };
  setUpRun();
  onhashchange = route;
  route();
  listen({
    changed: (event) => view.changed(event),
    opened: () => {
      showLive(true);
      view.changed(null);
    },
    lost: (why) => showLive(false, why),
  });
}

start();
