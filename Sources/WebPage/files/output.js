// The last part of a job's output, as it comes.
import { ask, Problem } from "./api.js";
import { Line, Reader } from "./ansi.js";
import { bytes, copier, el, fault } from "./text.js";

const streams = ["stdout", "stderr"];
// What is kept and shown, and what is read at first.
const mostLines = 2000;
const mostBytes = 512 * 1024;
const pieceCost = 100;
const headerSize = 24;
const longestPause = 10000;

/// Reads frames (docs/openapi.yaml) from the pieces in which they come.
class Frames {
  constructor(take) { Object.assign(this, { take, header: [], left: 0 }); }

  add(piece) {
    for (let at = 0; at < piece.length;) {
      if (this.left > 0) at += this.give(piece.subarray(at, at + this.left));
      else if (this.header.push(piece[at++]) === headerSize) this.begin();
    }
  }

  begin() {
    const view = new DataView(Uint8Array.from(this.header).buffer);
    Object.assign(this, { header: [], kind: view.getUint8(0), left: view.getUint32(4, true), offset: Number(view.getBigUint64(8, true)) });
    if (this.left === 0) this.give(new Uint8Array());
  }

  give(part) {
    this.take(this.kind, part, this.offset);
    this.left -= part.length;
    this.offset += part.length;
    return part.length;
  }
}

/// Follows a job's log to its end, over lost connections and while nobody looks.
class Follower {
  constructor(id, from, { take, fail }) {
    Object.assign(this, { id, sent: from, take, fail, isOver: false });
    this.turn = () => (document.hidden ? this.stop.abort() : this.run());
    document.addEventListener("visibilitychange", this.turn);
    this.run();
  }

  close() {
    document.removeEventListener("visibilitychange", this.turn);
    this.stop.abort();
  }

  async run() {
    const { signal } = this.stop = new AbortController();
    let pause = 500;
    while (!this.isOver && !signal.aborted) {
      try {
        await this.read(signal, () => { pause = 500; });
      } catch (error) {
        if (signal.aborted) return;
        this.isOver = error instanceof Problem && error.status >= 400 && error.status < 500 && error.status !== 429;
        this.fail(this.isOver ? error.message : `The output is interrupted, and goes on soon. ${error.message}`);
      }
      await new Promise((done) => { setTimeout(done, pause); });
      pause = Math.min(pause * 2, longestPause);
    }
  }

  async read(signal, began) {
    const query = `follow=1&stdout=${this.sent[0]}&stderr=${this.sent[1]}`;
    const reply = await ask("GET", `/jobs/${this.id}/log?${query}`, {
      headers: { Accept: "application/vnd.jobd.frames" }, signal });
    this.fail();
    const frames = new Frames((kind, part, offset) => {
      if (kind === 3) this.isOver = true;
      else {
        this.sent[kind - 1] = offset + part.length;
        if (part.length > 0) this.take(kind - 1, part);
      }
    });
    const reader = reply.body.getReader();
    for (let piece = await reader.read(); !piece.done; piece = await reader.read()) {
      began();
      frames.add(piece.value);
    }
  }
}

class Screen {
  constructor(element, drawn) {
    Object.assign(this, { element, drawn, lines: [], isCut: false, pending: [], size: 0, timer: null });
    this.readers = streams.map((stream, number) => new Reader(() => this.begin(number)));
  }

  begin(stream) {
    if (this.lines.length >= 2 * mostLines) this.trim(mostLines);
    const line = new Line(stream);
    this.lines.push(line);
    return line;
  }

  /// Bytes are missing.
  restart() {
    for (const reader of this.readers) reader.restart();
    this.trim(0);
    this.isCut = true;
  }

  /// Drops lines before the last `most`.
  trim(most) {
    for (const line of this.lines.splice(0, Math.max(0, this.lines.length - most))) {
      this.isCut = true;
      line.element?.remove();
      this.readers[line.stream].forget(line);
    }
  }

  /// What came is drawn once a frame, the last part of it.
  add(stream, part) {
    this.pending.push([stream, part]);
    this.size += part.length + pieceCost;
    // Faster than it can be shown: the older part would be gone before it is seen.
    if (this.size > 2 * mostBytes) {
      let count = 0;
      while (this.size > mostBytes) this.size -= this.pending[count++][1].length + pieceCost;
      this.pending.splice(0, count);
      this.restart();
    }
    this.timer ??= requestAnimationFrame(() => this.draw());
  }

  draw() {
    for (const [stream, part] of this.pending) this.readers[stream].take(part);
    Object.assign(this, { pending: [], size: 0, timer: null });
    const fresh = document.createDocumentFragment();
    this.trim(mostLines);
    let [room, count] = [mostBytes, 0];
    // From the last on, so that nothing is drawn that is too much.
    for (const line of this.lines.toReversed()) {
      if (line.isDirty) this.drawLine(line);
      room -= line.weight;
      if (room < 0 && count > 0) break;
      count += 1;
      if (!line.element.parentNode) fresh.prepend(line.element);
    }
    this.trim(count);
    this.element.append(fresh);
    this.drawn();
  }

  drawLine(line) {
    line.isDirty = false;
    line.element ??= el(`div.${streams[line.stream]}`);
    const parts = [line.stream === 1 && el("span.unseen", "stderr: "), ...line.runs().map(run), line.isCut && el("i", " … more in this line")];
    line.element.replaceChildren(...parts.filter(Boolean));
  }
}

function run({ text, style }) {
  const [classes, color, background] = style.split("|");
  if (style === "||") return text;
  const element = el("span", { class: classes || undefined }, text);
  Object.assign(element.style, { color, backgroundColor: background });
  return element;
}

/// Of a job whose detail is `known`.
export function outputPanel(known) {
  const lines = el("div.lines");
  const box = el("div.output", { tabindex: "0", role: "region", "aria-label": "Output" }, lines);
  const note = el("p.note", { hidden: true }, "Only the last part is shown; stdout and stderr above have all of it.");
  const wrong = fault("status");
  const follow = el("input", { type: "checkbox", checked: true });
  const from = [known.stdout_bytes, known.stderr_bytes].map((count) => Math.max(0, count - mostBytes));
  const toEnd = () => { if (follow.checked) box.scrollTop = box.scrollHeight; };
  const screen = new Screen(lines, () => {
    note.hidden = !screen.isCut;
    toEnd();
  });
  screen.isCut = from.some((offset) => offset > 0);
  const follower = new Follower(known.id, from, { take: (stream, part) => screen.add(stream, part), fail: (text = "") => { wrong.textContent = text; } });
  box.onscroll = () => { follow.checked = box.scrollHeight - box.scrollTop - box.clientHeight < 24; };
  follow.onchange = toEnd;
  const raw = (stream) => el("a", { href: `/jobs/${known.id}/${stream}`, download: `${known.id}.${stream}` }, stream);
  const attach = `jobctl attach ${known.id}`;
  const terminal = known.tty ? [el("p.note", "This is a terminal's output, drawn as lines; ", el("code", attach),
    " shows it as it is. ", copier(attach, "the command"))] : [];
  const element = el("section", { "aria-labelledby": "output-title" },
    el("div.bar", el("h2", { id: "output-title" }, "Output"), ...streams.map(raw),
      el("label.check", follow, " Follow")), ...terminal, note, wrong, box);
  return { element, close() {
    follower.close();
    cancelAnimationFrame(screen.timer);
  } };
}
