// The agenda, one tap at a time: asked at once, sent in lots, kept a day while the network is away. All of it works without.
(() => {
  const form = document.getElementById("agenda"), menu = document.getElementById("menu"), tally = document.getElementById("tally");
  if (!form || !menu) return;
  const words = form.dataset, box = `agenda-${words.owner}.`, told = `agenda-told-${words.owner}`, part = (name) => tally.querySelector(`[data-${name}]`);
  // What is not sent yet: one entry a tap, so that two tabs never write over each other. A private window keeps them in memory alone.
  const taps = new Map(), queue = () => [...taps.values()].sort((one, other) => one.at - other.at);
  const store = {
    add(one) { try { localStorage.setItem(box + one.key, JSON.stringify(one)); one.kept = true; } catch { /* full, or private */ } taps.set(one.key, one); },
    drop(key) { taps.delete(key); try { localStorage.removeItem(box + key); } catch { /* it was in memory alone */ } },
    // What another tab has tapped comes in; what it has sent goes.
    load() {
      try {
        for (const one of queue()) if (one.kept && !localStorage.getItem(box + one.key)) taps.delete(one.key);
        for (const name of Object.keys(localStorage).filter((each) => each.startsWith(box))) store.take(localStorage.getItem(name));
      } catch { /* no storage, or not ours */ }
    },
    take(text) { const one = { ...JSON.parse(text), kept: true }; if (Date.now() - one.at < 864e5) taps.set(one.key, one); else lose(one); },
    tell(answer) { try { localStorage.setItem(told, JSON.stringify(answer)); localStorage.removeItem(told); } catch { /* this tab alone knows */ } },
  };
  let sent = [], lost = [], counts = { sent: 0, taken: 0, refused: 0 }, busy = false, wait = 1000, timer, problem = "", cents = 0;
  const cellAt = (spot) => form.querySelector(`button.cell[value="${spot}"]`);
  const stateOf = (cell) => cell.classList[1];
  const say = (text) => { document.getElementById("announce").textContent = text; };

  // Whole cents are summed; only what is shown has a comma.
  const euros = () => new Intl.NumberFormat(document.documentElement.lang, { style: "currency", currency: "EUR", signDisplay: "always" }).format(cents / 100);

  const paint = () => {
    const said = Object.keys(counts).filter((name) => counts[name]).map((name) => words[name].replace("{n}", counts[name]));
    if (cents) said.push(euros());
    if (taps.size) said.push(words.sending);
    const bad = (lost.length ? `${words.lost} ${lost.join(" ; ")} ` : "") + problem;
    if (bad || said.length || part("said").dataset.own) {
      part("said").textContent = bad || said.join(" · ");
      part("said").dataset.own = 1;
    }
    part("undo").hidden = !sent.length || taps.size > 0;
    tally.classList.toggle("is-bad", !!bad);
    tally.hidden = !part("said").textContent && part("receipt").hidden;
  };
  const show = (cell, state, icon, name, act, request) => {
    cell.classList.replace(stateOf(cell), state);
    cell.querySelector("use").setAttribute("href", cell.querySelector("use").getAttribute("href").replace(/#.*/, `#${icon}`));
    cell.setAttribute("aria-label", name);
    cell.setAttribute("aria-pressed", act !== "book");
    cell.name = act;
    cell.dataset.request = request || "";
  };
  // The state begins after the colon that follows the service's name: hours have some too.
  const called = (cell) => {
    const name = cell.getAttribute("aria-label"), title = cell.closest("tr").cells[0].firstChild.textContent.trim();
    return name.slice(0, name.indexOf(words.colon, name.indexOf(title) + title.length));
  };
  const sending = (cell) => show(cell, "sending", "send", called(cell) + words.colon + words.sending, "", cell.dataset.request);
  const lose = (one) => {
    const cell = cellAt(one.spot);
    store.drop(one.key);
    lost.push(one.called);
    problem = "";
    if (cell && stateOf(cell) === "sending") show(cell, "refused", "alert", called(cell) + words.colon + words.unsent, "open", one.request);
    say(words.lost + " " + one.called);
  };
  const mark = (one) => { const cell = cellAt(one.spot); if (cell && stateOf(cell) !== "sending") sending(cell); };

  const tap = (spot, act, request) => {
    const cell = cellAt(spot);
    if (queue().some((one) => one.spot === spot) || (cell && stateOf(cell) === "sending")) return null;
    const one = { key: crypto.randomUUID?.() || `${Date.now()}-${Math.random()}`, spot, act, request: request || null, called: cell ? called(cell) : "", at: Date.now() };
    store.add(one);
    mark(one);
    problem = "";
    paint();
    clearTimeout(timer);
    timer = setTimeout(flush, 350);
    return one.key;
  };
  const fail = (sentence, again) => {
    problem = sentence;
    busy = false;
    paint();
    say(sentence);
    clearTimeout(timer);
    if (again) timer = setTimeout(flush, wait = Math.min(wait * 2, 30000));
  };
  // What the town has answered, to this tab or to another.
  const reflect = ({ results, others, lot }) => {
    results.forEach((one) => store.drop(one.key));
    for (const one of [...results, ...others]) { const cell = cellAt(one.spot); if (cell) show(cell, one.state, one.icon, one.name, one.then, one.request); }
    if (!taps.size) problem = "";
    if (!lot) return;
    part("receipt").href = lot.url;
    part("receipt").textContent = lot.title;
    part("receipt").hidden = false;
  };
  const undone = new Set();
  const take = (answer) => {
    reflect(answer);
    store.tell(answer);
    for (const one of answer.results) {
      if (one.ok) cents += one.act === "book" ? one.cents : -one.cents;
      if (!one.ok) counts.refused += 1;
      else if (undone.has(one.key)) counts[one.act === "book" ? "taken" : "sent"] -= 1;
      else { counts[one.act === "book" ? "sent" : "taken"] += 1; sent.push(one); }
    }
    counts.sent = Math.max(0, counts.sent);
    counts.taken = Math.max(0, counts.taken);
    say(answer.results.map((one) => one.sentence || one.name).join(". "));
    problem = answer.results.filter((one) => !one.ok).map((one) => one.sentence).join(" ");
  };
  async function flush() {
    if (busy) return;
    store.load();
    if (!taps.size) return paint();
    busy = true;
    paint();
    const patience = new AbortController(), late = setTimeout(() => patience.abort(), 12000);
    let answer, found;
    try {
      answer = await fetch(form.action, {
        method: "POST",
        redirect: "manual",
        signal: patience.signal,
        headers: { "Content-Type": "application/json", Accept: "application/json", "X-CSRFToken": form.elements.csrf_token.value },
        body: JSON.stringify({ taps: queue().slice(0, 50) }),
      });
      found = await answer.json().catch((problem) => { if (patience.signal.aborted) throw problem; return null; });
    } catch { return fail(patience.signal.aborted ? words.slow : words.offline, true); } finally { clearTimeout(late); }
    if (answer.type === "opaqueredirect" || answer.status === 401) {
      part("signin").hidden = false;
      return fail(words.expired);
    }
    if (answer.status >= 500) return fail(words.offline, true);
    if (!answer.ok || !found?.results) return fail(found?.error || words.failed);
    take(found);
    busy = false;
    wait = 1000;
    paint();
    flush();
  }

  // -- the menu ------------------------------------------------------------------------------------------------------------
  let opener, spot;
  const items = () => [...menu.querySelectorAll("[role=menuitem]:not([hidden])")];
  const close = (back = true) => { if (!menu.hidden) { menu.hidden = true; if (back) opener?.focus(); } };
  const open = (from, x, y) => {
    const row = !from.matches(".cell"), state = row ? "row" : stateOf(from), at = from.getBoundingClientRect();
    if (state === "sending") return;
    opener = from;
    spot = row ? from.dataset.spot : from.value;
    document.getElementById("menu-title").textContent = from.getAttribute("aria-label");
    menu.querySelectorAll("[role=menuitem]").forEach((item) => {
      item.hidden = !(item.dataset.for === "*" || item.dataset.for.split(" ").includes(state));
      if (item.dataset.go) item.href = `${item.dataset.go}?spot=${spot}`;
    });
    menu.hidden = false;
    menu.style.left = `${Math.max(8, Math.min(x ?? at.left, innerWidth - menu.offsetWidth - 8))}px`;
    menu.style.top = `${Math.max(8, Math.min(y ?? at.bottom + 4, innerHeight - menu.offsetHeight - 8))}px`;
    items()[0].focus();
  };
  menu.addEventListener("keydown", (event) => {
    const all = items(), at = all.indexOf(document.activeElement);
    const next = { ArrowDown: (at + 1) % all.length, ArrowUp: (at + all.length - 1) % all.length, Home: 0, End: all.length - 1 }[event.key];
    if (next !== undefined) { event.preventDefault(); all[next].focus(); }
    if (event.key === "Escape" || event.key === "Tab") { event.preventDefault(); close(); }
  });
  menu.addEventListener("click", (event) => {
    const act = event.target.closest("[data-act]")?.dataset.act;
    if (act) { close(); tap(spot, act, cellAt(spot).dataset.request); }
  });

  const target = (event) => event.target.closest?.("button.cell, .more");
  form.addEventListener("contextmenu", (event) => {
    const from = target(event);
    if (!from) return;
    event.preventDefault();
    if (menu.hidden || opener !== from) open(from, event.clientX || undefined, event.clientY || undefined);
  });
  form.addEventListener("keydown", (event) => {
    const from = target(event);
    if (!from) return;
    if (event.key === "ContextMenu" || (event.key === "F10" && event.shiftKey)) { event.preventDefault(); return open(from); }
    const td = from.closest("td, th"), step = { ArrowLeft: -1, ArrowRight: 1, ArrowUp: 0, ArrowDown: 0 }[event.key];
    if (step === undefined) return;
    const rows = [...form.querySelectorAll("tbody tr")], reach = (cells, at, by) => {
      while (cells[at += by]) { const found = cells[at].querySelector("button.cell, .more"); if (found) return found; }
    };
    const to = step ? reach(td.parentNode.cells, td.cellIndex, step)
      : reach(rows.map((row) => row.cells[td.cellIndex] || row.cells[row.cells.length - 1]), rows.indexOf(td.parentNode), event.key === "ArrowUp" ? -1 : 1);
    if (to) { event.preventDefault(); to.focus(); }
  });

  // A long press: iOS sends no contextmenu, so we count. The finger's release must not count as a tap.
  let press, from, swallow = false;
  form.addEventListener("pointerdown", (event) => {
    const cell = target(event);
    if (!cell || event.pointerType !== "touch") return;
    from = event;
    press = setTimeout(() => { swallow = true; open(cell, event.clientX, event.clientY); }, 600);
  });
  form.addEventListener("pointermove", (event) => { if (from && Math.hypot(event.clientX - from.clientX, event.clientY - from.clientY) > 10) clearTimeout(press); });
  for (const name of ["pointerup", "pointercancel"]) addEventListener(name, () => { clearTimeout(press); if (swallow) setTimeout(() => { swallow = false; }, 400); });
  document.addEventListener("click", (event) => {
    if (!swallow) return;
    swallow = false;
    event.preventDefault();
    event.stopPropagation();
  }, true);

  document.addEventListener("click", (event) => {
    const from = target(event);
    if (!from) { if (!menu.contains(event.target)) close(false); return; }
    event.preventDefault();
    const act = from.matches(".cell") ? from.name : "open";
    if (act === "book" || act === "withdraw") tap(from.value, act, from.dataset.request);
    else if (act === "open") open(from);
  });
  part("undo").addEventListener("click", () => {
    const back = sent;
    sent = [];
    for (const one of back) {
      undone.add(tap(one.spot, one.act === "book" ? "withdraw" : "book", one.act === "book" ? one.request : null));
    }
  });
  addEventListener("online", () => { wait = 1000; flush(); });
  // A page that the browser kept (back button) shows old states.
  addEventListener("pageshow", (event) => { if (event.persisted) location.reload(); });

  // Another tab has tapped: should it be closed before its taps are sent, they are sent from here.
  addEventListener("storage", ({ key, newValue }) => {
    if (!newValue || !(key === told || key?.startsWith(box))) return;
    if (key === told) reflect(JSON.parse(newValue));
    else { store.take(newValue); queue().forEach(mark); setTimeout(flush, 15000); }
    paint();
  });

  store.load();
  queue().forEach(mark);
  paint();
  flush();
})();
