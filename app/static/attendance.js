// The attendance sheet on a tablet: taps are kept here until the town has them, and what other tablets noted comes in.
(() => {
  const root = document.querySelector("[data-attendance]");
  if (!root) return;
  const set = root.dataset;
  const all = (selector, place = root) => [...place.querySelectorAll(selector)];
  const one = (selector, place = root) => place.querySelector(selector);
  const tiles = new Map(all("[data-child]").map((tile) => [tile.dataset.child, tile]));
  const may = set.may === "1";
  const PULL = 20000;
  // Tablets' clocks are wrong by minutes; the town's decides.
  let ahead = +set.now - Date.now();
  let online = navigator.onLine;
  let losses = 0;
  let signedOut = false;
  let token = one("[name=csrf_token]")?.value || one("[name=csrf_token]", document)?.value || "";
  const pictures = new Map();
  const known = new Map([...tiles].map(([id, tile]) => [id, { state: tile.dataset.state, told: tile.dataset.told === "1", sent: tile.dataset.sent === "1", at: 0, fresh: false }]));

  // -- what is not sent yet: one entry a note, so that two tabs never write over each other ------------------------------------------
  const PREFIX = `preau.note.${set.account}.`;
  const memory = new Map();
  const store = {
    add(note) { memory.set(note.id, note); try { localStorage.setItem(PREFIX + note.id, JSON.stringify(note)); } catch { store.full = true; } },
    drop(id) { memory.delete(id); try { localStorage.removeItem(PREFIX + id); } catch { /* it was in memory alone */ } },
    load() {
      try {
        for (let place = 0; place < localStorage.length; place += 1) {
          const key = localStorage.key(place);
          if (key.startsWith(PREFIX)) { const note = JSON.parse(localStorage.getItem(key)); memory.set(note.id, note); }
        }
      } catch { /* no storage, or not ours */ }
    },
    clear() { [...memory.keys()].forEach(store.drop); },
    full: false,
  };
  store.load();
  const waiting = () => [...memory.values()].sort((a, b) => (a.ms - b.ms) || (a.id < b.id ? -1 : 1));
  const mine = (id) => waiting().filter((note) => String(note.child) === id && String(note.unit) === set.unit && note.day === set.day);
  // crypto.randomUUID() needs https; a tablet in a school may have none.
  const newId = () => [...crypto.getRandomValues(new Uint8Array(16))].map((byte) => byte.toString(16).padStart(2, "0")).join("");

  // -- what a tile says -------------------------------------------------------------------------------------------------------------
  const hour = (ms) => new Intl.DateTimeFormat(document.documentElement.lang, { hour: "2-digit", minute: "2-digit", hourCycle: "h23", timeZone: set.zone }).format(ms);
  const view = (id) => {
    const row = { ...known.get(id) };
    for (const note of mine(id)) {
      if (note.ms < row.at) continue;
      if (note.mark === "present") { row.arrived = row.state === "present" || row.state === "left" ? row.arrived || note.ms : note.ms; row.fresh = true; }
      if (note.mark === "left" && (note.with || row.state !== "left")) { row.left = note.ms; row.with = note.with || ""; row.fresh = true; }
      row.state = note.mark === "cleared" && row.told ? "absent" : note.mark;
      if (note.note !== null) { row.note = note.note; row.fresh = true; }
    }
    return row;
  };
  const said = (row) => {
    if (row.state === "absent" && row.told) return set.wordTold;
    if (row.state === "cleared" && row.sent) return set.wordSent;
    const word = set[`word${row.state[0].toUpperCase()}${row.state.slice(1)}`];
    if (row.state === "present" && row.arrived) return `${word} ${hour(row.arrived)}`;
    if (row.state === "left" && row.left) return `${word} ${hour(row.left)}${row.with ? `, ${row.with}` : ""}`;
    return word;
  };
  const draw = (id) => {
    const tile = tiles.get(id);
    const row = view(id);
    const pending = mine(id).length > 0;
    tile.classList.toggle("is-waiting", pending);
    if (row.state === tile.dataset.state && !row.fresh) return;
    tile.dataset.state = row.state;
    tile.dataset.sent = +!!row.sent;
    const tap = one(".tile-tap", tile);
    if (may) { tap.setAttribute("aria-pressed", row.state === "present"); tap.value = `${id}:${row.state === "present" ? "cleared" : "present"}`; }
    one("[data-words]", tile).textContent = said(row);
    const name = row.state === "cleared" && row.sent ? "sent" : row.state;
    one(".tile-state use", tile).setAttribute("href", `${set.icons}#${set[`icon${name[0].toUpperCase()}${name.slice(1)}`]}`);
    const note = one("[data-note-text]", tile);
    if (row.note !== undefined) { note.textContent = row.note; note.hidden = !row.note; }
  };
  // Expected, and nobody has said anything: an absence that was sent says something.
  const awaited = ({ dataset: { expected, state, sent } }) => expected === "1" && state === "cleared" && sent !== "1";
  const count = () => {
    const found = { here: 0, gone: 0, unnoted: 0, sent: 0, expected: 0 };
    for (const [, tile] of tiles) {
      const { state, expected, sent } = tile.dataset;
      found.here += state === "present";
      found.gone += state === "left";
      found.expected += +expected;
      found.unnoted += awaited(tile);
      found.sent += sent === "1" && state === "cleared";
    }
    for (const [name, number] of Object.entries(found)) one(`[data-count=${name}]`).textContent = number;
    one("[data-count=sent]").parentElement.hidden = !found.sent;
    const everybody = one("[data-everybody]");
    if (everybody) everybody.hidden = !found.unnoted;
  };
  const net = one("[data-net]");
  const tell = (words) => { if (net.textContent !== words) net.textContent = words; };
  // An answer to what somebody has just tried stays long enough to be read.
  let answering = null;
  const needsNetwork = (words = set.wordNetwork) => { tell(words); clearTimeout(answering); answering = setTimeout(() => { answering = null; status(); }, 6000); };
  const status = () => {
    const number = memory.size;
    const notes = number === 1 ? set.wordOne : number ? set.wordMany.replace("{n}", number) : "";
    net.className = `net ${signedOut || store.full ? "is-bad" : !online ? "is-off" : number ? "is-sending" : "is-on"}`;
    const first = signedOut ? set.wordSigned : !online ? set.wordOffline : number ? "" : set.wordOnline;
    if (online || !answering) tell([first, notes, store.full && number ? set.wordFull : ""].filter(Boolean).join(" "));
  };

  // -- who is looked for: among those on the sheet, and those who are enrolled and not expected; no server is asked --------------------
  const plain = (text) => text.normalize("NFD").replace(/\p{M}/gu, "").toLowerCase();
  const find = one("#find");
  const names = new Map([...tiles].map(([id, tile]) => [id, plain(`${tile.dataset.name} ${tile.closest("[data-part]").dataset.part} ${tile.dataset.class || ""}`)]));
  const filter = () => {
    const words = find ? plain(find.value).split(/[\s'’-]+/).filter(Boolean) : [];
    let found = 0;
    for (const [id, tile] of tiles) {
      const wanted = words.every((word) => names.get(id).includes(word));
      tile.hidden = !wanted || ("other" in tile.dataset && !words.length && tile.dataset.state === "cleared");
      found += !tile.hidden;
    }
    for (const part of all("[data-part]")) part.hidden = !one(".tile:not([hidden])", part);
    if (!find) return;
    const said = !words.length ? "" : found === 1 ? set.wordFound : set.wordFoundMany.replace("{n}", found);
    const box = one("[data-found]");
    if (box.textContent !== said) box.textContent = said;
    const nobody = one("[data-nobody]");
    if (!nobody) return;
    nobody.hidden = !words.length || found > 0;
    const link = new URL(one("a", nobody).href);
    link.searchParams.set("q", find.value);
    one("a", nobody).href = link;
  };
  if (find) { one("[data-find]").hidden = false; find.addEventListener("input", filter); }
  const show = () => { if (!over.done) { for (const id of tiles.keys()) draw(id); count(); filter(); } status(); };

  // -- the town ---------------------------------------------------------------------------------------------------------------------
  const ask = async (url, options = {}) => {
    const clock = new AbortController();
    const late = setTimeout(() => clock.abort(), 12000);
    const before = losses;
    try {
      const answer = await fetch(url, { credentials: "same-origin", redirect: "manual", signal: clock.signal, ...options, headers: { Accept: "application/json", ...options.headers } });
      // An answer that was under way when the network was lost says nothing of what there is now.
      if (losses === before) online = true;
      signedOut = answer.type === "opaqueredirect" || answer.status === 401 || answer.status === 403;
      return answer;
    } catch {
      online = false;
      return null;
    } finally { clearTimeout(late); }
  };
  const refused = [];
  const refuse = (note, sentence) => {
    const box = one("[data-refused]");
    const line = document.createElement("li");
    line.textContent = `${tiles.get(String(note.child))?.dataset.name || ""} ${sentence}`.trim();
    one("ul", box).append(line);
    box.hidden = false;
    refused.push(note.id);
  };
  let sending = null;
  let fresh = false;
  // The day is over: nothing of it stays on the tablet's screen. Notes that wait are kept, and sent from any sheet.
  const over = () => {
    if (new Intl.DateTimeFormat("en-CA", { timeZone: set.zone, year: "numeric", month: "2-digit", day: "2-digit" }).format(Date.now() + ahead) === set.today) return false;
    over.done = true;
    if (online && !signedOut && !memory.size) location.replace(set.over);
    else { pictures.forEach((url) => URL.revokeObjectURL(url)); root.replaceChildren(net, one("[data-refused]")); pictures.clear(); tiles.clear(); }
    return true;
  };
  const send = async () => {
    while (memory.size) {
      fresh = false;
      const notes = waiting().slice(0, 100);
      const body = JSON.stringify({ notes: notes.map(({ ms, ...note }) => note) });
      const answer = await ask(set.notes, { method: "POST", body, headers: { "Content-Type": "application/json", "X-CSRFToken": token } });
      if (!answer?.ok) return;
      const { answers } = await answer.json();
      for (const note of notes) {
        if (!(note.id in answers)) continue;
        // What the town has taken is shown as known until the next look tells all of it.
        if (answers[note.id]) refuse(note, answers[note.id]);
        else if (tiles.has(String(note.child)) && String(note.unit) === set.unit && note.day === set.day) {
          const id = String(note.child);
          const seen = view(id);
          known.set(id, { ...seen, at: Math.max(known.get(id).at, note.ms) });
        }
        store.drop(note.id);
      }
      if (!notes.some((note) => note.id in answers)) return;
    }
  };
  const pull = async () => {
    const answer = await ask(set.state);
    if (!answer?.ok) return false;
    const told = await answer.json();
    ahead = told.now - Date.now();
    token = told.csrf;
    if (over()) return true;
    let strangers = false;
    for (const [id, row] of Object.entries(told.children)) {
      if (tiles.has(id)) known.set(id, { ...row, fresh: true });
      else strangers = true;
    }
    for (const id of tiles.keys()) if (!(id in told.children)) known.set(id, { ...known.get(id), state: "cleared", told: false, sent: false, note: "", fresh: true });
    // Somebody came whom nobody expected, noted on another tablet: the sheet is made anew.
    if (strangers && !memory.size && !document.querySelector("dialog[open]")) location.reload();
    return true;
  };
  // One after the other: an answer that is older than a tap never wins over it.
  const sync = () => {
    sending ||= (async () => {
      await pull();
      if (online && !signedOut && memory.size) { await send(); await pull(); } else fresh = false;
    })().catch(() => {}).finally(() => { sending = null; show(); if (over.done) over(); });
    return sending;
  };
  // What fails waits for the next look; what was tapped meanwhile does not.
  const soon = () => { clearTimeout(soon.timer); soon.timer = setTimeout(async () => { await sync(); if (fresh && online && !signedOut) soon(); }, 300); };

  // -- what people do ---------------------------------------------------------------------------------------------------------------
  const note = (child, mark, more = {}) => {
    const ms = Date.now() + ahead;
    const before = mine(String(child)).at(-1)?.ms ?? known.get(String(child))?.at ?? 0;
    // Two taps in one millisecond, or after a clock was set back, keep their order.
    const at = Math.max(ms, before + 1);
    store.add({ id: newId(), child: +child, unit: +set.unit, day: set.day, mark, at: new Date(at).toISOString(), ms: at, note: null, ...more });
    fresh = true;
    show();
    soon();
  };
  const tap = (tile) => {
    if (tile.dataset.state === "left") return open(tile);
    return note(tile.dataset.child, tile.dataset.state === "present" ? "cleared" : "present");
  };

  const dialog = document.getElementById("child");
  const open = (tile) => {
    const id = tile.dataset.child;
    const panel = document.querySelector(`template[data-panel="${id}"]`);
    if (!panel) { if (online) location.assign(one(".tile-more", tile).href); else needsNetwork(); return; }
    const part = panel.content.cloneNode(true);
    for (const image of part.querySelectorAll("img")) if (pictures.has(image.getAttribute("src"))) image.src = pictures.get(image.getAttribute("src"));
    one("#child-title", dialog).textContent = `${tile.dataset.name} · ${one("[data-words]", tile).textContent}`;
    const body = one("[data-body]", dialog);
    body.replaceChildren(part);
    const text = one("textarea[name=note]", body);
    if (text && view(id).note !== undefined) text.value = view(id).note;
    for (const button of all(".panel-marks button", body)) button.setAttribute("aria-pressed", button.value === view(id).state);
    dialog.dataset.about = id;
    dialog.showModal();
    dialog.scrollTop = 0;
  };
  const close = () => { dialog.close(); one(".tile-more", tiles.get(dialog.dataset.about)).focus(); };
  dialog?.addEventListener("click", (event) => { if (event.target === dialog || event.target.closest("[data-close]")) close(); });

  // The sheet's own forms; what asks a question first (staff.js) comes here after the answer.
  document.addEventListener("submit", (event) => {
    const { target: form, submitter } = event;
    if (form.matches("[data-tiles]")) {
      event.preventDefault();
      const tile = submitter?.closest("[data-child]");
      if (tile) tap(tile);
    } else if (form.matches("[data-note]") && dialog?.open) {
      event.preventDefault();
      const sent = new FormData(form, submitter);
      const id = dialog.dataset.about;
      const mark = sent.get("mark");
      const more = {};
      if (mark === "left") Object.assign(more, { with: submitter?.dataset.name && submitter.name === "person" ? submitter.dataset.name : sent.get("with"), person: sent.get("person") || null });
      if (sent.has("note")) more.note = sent.get("note").trim();
      const now = view(id).state;
      note(id, mark === "keep" ? (now === "absent" && known.get(id).told ? "cleared" : now) : mark, more);
      close();
    } else if (form.matches("[data-everybody]")) {
      event.preventDefault();
      for (const [id, tile] of tiles) if (awaited(tile)) note(id, "present");
    } else if (!online && !form.closest("dialog")) {
      event.preventDefault();
      needsNetwork();
    }
  });

  // "…", right-click, Shift+F10, the Menu key, a long press: the same dialog.
  let press = null;
  let swallow = false;
  root.addEventListener("click", (event) => {
    if (swallow) { swallow = false; event.preventDefault(); event.stopPropagation(); return; }
    const more = event.target.closest(".tile-more");
    if (more) { event.preventDefault(); open(more.closest("[data-child]")); return; }
    if (online || !event.target.closest("a[href]:not([href^='tel:'])")) return;
    event.preventDefault();
    if (find && event.target.closest("[data-unexpected]")) { needsNetwork(set.wordFind); find.focus(); } else needsNetwork();
  }, true);
  root.addEventListener("contextmenu", (event) => {
    const tile = event.target.closest("[data-child]");
    if (!tile) return;
    event.preventDefault();
    clearTimeout(press?.timer);
    if (!dialog.open) open(tile);
  });
  root.addEventListener("pointerdown", (event) => {
    const tile = event.target.closest("[data-child]");
    swallow = false;
    if (!tile || event.button) return;
    press = { x: event.clientX, y: event.clientY, timer: setTimeout(() => { swallow = true; if (!dialog.open) open(tile); }, 600) };
  });
  const release = () => { clearTimeout(press?.timer); if (swallow) setTimeout(() => { swallow = false; }, 60); };
  root.addEventListener("pointermove", (event) => { if (press && Math.hypot(event.clientX - press.x, event.clientY - press.y) > 10) release(); });
  for (const name of ["pointerup", "pointercancel", "scroll"]) addEventListener(name, release, { capture: true, passive: true });

  one("[data-refused] button").addEventListener("click", () => { one("[data-refused]").hidden = true; one("[data-refused] ul").replaceChildren(); });
  // Signing out takes all of it away from the tablet.
  for (const form of document.querySelectorAll("form[action*='/logout']")) form.addEventListener("submit", (event) => {
    const stay = () => { event.preventDefault(); event.stopImmediatePropagation(); };
    // Without a network nobody is signed out: the notes stay too.
    if (!online) { stay(); needsNetwork(); } else if (memory.size && !confirm(set.wordLose)) stay(); else store.clear();
  }, true);
  addEventListener("beforeunload", (event) => { if (!online && memory.size) event.preventDefault(); });
  addEventListener("online", () => { online = true; soon(); });
  addEventListener("offline", () => { losses += 1; online = false; status(); });
  document.addEventListener("visibilitychange", () => { if (!document.hidden) { over(); soon(); } });
  // Another tab of this browser sent or noted something.
  addEventListener("storage", ({ key, newValue }) => {
    if (!key?.startsWith(PREFIX)) return;
    if (newValue) memory.set(key.slice(PREFIX.length), JSON.parse(newValue)); else memory.delete(key.slice(PREFIX.length));
    show();
  });
  setInterval(() => { over(); sync(); }, PULL);

  // Photographs of those who may fetch a child are wanted at the door, where the network is worst; kept in memory, never on the disk.
  const fetchPictures = async () => {
    for (const template of all("template[data-panel]")) {
      for (const image of template.content.querySelectorAll("img")) {
        const source = image.getAttribute("src");
        if (pictures.has(source) || !online) continue;
        try {
          const answer = await fetch(source, { credentials: "same-origin" });
          if (answer.ok) pictures.set(source, URL.createObjectURL(await answer.blob()));
        } catch { return; }
      }
    }
  };
  show();
  sync().then(fetchPictures);
})();
