// A job's output as it comes: the last part of it, however much there is.
import { ask, Problem } from "./api.js";
import { Line, Reader } from "./ansi.js";
import { bytes, el, fault } from "./text.js";

const streams = ["stdout", "stderr"];
// What is kept and shown, and what is read at first.
const mostLines = 2000;
const mostBytes = 512 * 1024;
const headerSize = 24;
const longestPause = 10000;

/// Reads frames (docs/openapi.yaml) from the pieces in which they come.
class Frames {
  constructor(take) {
    Object.assign(this, { take, header: new Uint8Array(headerSize), filled: 0, left: 0, end: [] });
  }

  add(piece) {
    let at = 0;
    while (at < piece.length) {
      if (this.left > 0) {
        const part = piece.subarray(at, at + this.left);
        this.left -= part.length;
        at += part.length;
        this.give(part);
        continue;
      }
      const part = piece.subarray(at, at + headerSize - this.filled);
      this.header.set(part, this.filled);
      this.filled += part.length;
      at += part.length;
      if (this.filled === headerSize) this.begin();
    }
  }

  begin() {
    const view = new DataView(this.header.buffer);
    this.kind = view.getUint8(0);
    this.left = view.getUint32(4, true);
    this.filled = 0;
    this.offset = Number(view.getBigUint64(8, true));
    if (this.left === 0) this.give(new Uint8Array());
  }

  give(part) {
    this.take(this.kind, part, this.offset);
    this.offset += part.length;
  }
}

/// Follows a job's log until its end, over connections that are lost.
class Follower {
  constructor(id, from, { take, fail }) {
    Object.assign(this, { id, sent: from, take, fail, stop: new AbortController(), isOver: false });
  }

  async run() {
    let pause = 500;
    while (!this.isOver && !this.stop.signal.aborted) {
      try {
        await this.read(() => { pause = 500; });
        if (this.isOver) return this.fail(null);
      } catch (error) {
        if (this.stop.signal.aborted) return;
        const isFinal = error instanceof Problem && error.status >= 400 && error.status < 500 && error.status !== 429;
        this.fail(isFinal ? error.message : `The output is interrupted, and goes on soon. ${error.message}`);
        if (isFinal) return;
      }
      await new Promise((done) => { setTimeout(done, pause); });
      pause = Math.min(pause * 2, longestPause);
    }
  }

  async read(began) {
    const query = `follow=1&stdout=${this.sent[0]}&stderr=${this.sent[1]}`;
    const reply = await ask("GET", `/jobs/${this.id}/log?${query}`, {
      headers: { Accept: "application/vnd.jobd.frames" }, signal: this.stop.signal });
    this.fail(null);
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

/// The lines, as elements.
class Screen {
  constructor(element) {
    Object.assign(this, { element, lines: [] });
    this.readers = streams.map((stream, number) => new Reader(() => this.begin(number)));
  }

  begin(stream) {
    const line = new Line(stream);
    this.lines.push(line);
    return line;
  }

  restart() {
    for (const reader of this.readers) reader.restart();
    this.lines = [];
    this.element.replaceChildren();
  }

  /// Drops lines beyond the last; whether there were any.
  trim() {
    const gone = this.lines.splice(0, Math.max(0, this.lines.length - mostLines));
    for (const line of gone) {
      line.element?.remove();
      this.readers[line.stream].forget(line);
    }
    return gone.length > 0;
  }

  draw() {
    const fresh = document.createDocumentFragment();
    for (const line of this.lines) {
      if (!line.isDirty) continue;
      line.isDirty = false;
      if (!line.element) {
        line.element = el("div", { class: streams[line.stream] });
        fresh.append(line.element);
      }
      const parts = [line.stream === 1 && el("span", { class: "unseen" }, "stderr: "), ...line.runs.map(run),
        line.over > 0 && el("i", {}, ` … ${bytes(line.over)} more in this line`)];
      line.element.replaceChildren(...parts.filter(Boolean));
    }
    this.element.append(fresh);
  }
}

function run({ text, style }) {
  if (!style.classes && !style.color && !style.background) return text;
  const element = el("span", { class: style.classes || undefined }, text);
  if (style.color) element.style.color = style.color;
  if (style.background) element.style.backgroundColor = style.background;
  return element;
}

/// What came and is not drawn yet: drawn once a frame, the last part of it.
class Queue {
  constructor(screen, drawn) { Object.assign(this, { screen, drawn, pending: [], size: 0, timer: null, isCut: false }); }

  add(stream, part) {
    this.pending.push([stream, part]);
    this.size += part.length;
    // Faster than it can be shown: the older part would be gone before it is seen.
    if (this.size > 2 * mostBytes) {
      while (this.size > mostBytes) this.size -= this.pending.shift()[1].length;
      this.screen.restart();
      this.isCut = true;
    }
    this.timer ??= requestAnimationFrame(() => this.draw());
  }

  draw() {
    for (const [stream, part] of this.pending) this.screen.readers[stream].take(part);
    Object.assign(this, { pending: [], size: 0, timer: null });
    this.isCut = this.screen.trim() || this.isCut;
    this.screen.draw();
    this.drawn();
  }
}

/// The output of a job, which is `known` as its detail has it.
export function outputPanel(known) {
  const lines = el("div", { class: "lines" });
  const box = el("div", { class: "output", tabindex: "0", role: "region", "aria-label": "Output" }, lines);
  const note = el("p", { class: "note", hidden: true }, "Only the last part is shown; stdout and stderr above have all of it.");
  const wrong = fault("status");
  const follow = el("input", { type: "checkbox", checked: true });
  const from = [known.stdout_bytes, known.stderr_bytes].map((count) => Math.max(0, count - mostBytes));
  const toEnd = () => { if (follow.checked) box.scrollTop = box.scrollHeight; };
  const queue = new Queue(new Screen(lines), () => {
    note.hidden = !queue.isCut;
    toEnd();
  });
  queue.isCut = from.some((offset) => offset > 0);
  const follower = new Follower(known.id, from, { take: (stream, part) => queue.add(stream, part), fail: wrong.show });
  box.addEventListener("scroll", () => { follow.checked = box.scrollHeight - box.scrollTop - box.clientHeight < 24; });
  follow.addEventListener("change", toEnd);
  follower.run();
  const raw = (stream) => el("a", { href: `/jobs/${known.id}/${stream}`, download: `${known.id}.${stream}` }, stream);
  const element = el("section", { "aria-labelledby": "output-title" },
    el("div", { class: "bar" }, el("h2", { id: "output-title" }, "Output"), ...streams.map(raw),
      el("label", { class: "check" }, follow, " To the end")), note, wrong.element, box);
  return { element, close() {
    follower.stop.abort();
    cancelAnimationFrame(queue.timer);
  } };
}
