// What the queue may do better with a script: keys, countdown, who looks, decisions in a dialog. Everything works without it.
(() => {
  const page = document.querySelector("[data-queue]");
  if (!page) return;
  const one = (selector, root = document) => root.querySelector(selector);
  const all = (selector, root = document) => [...root.querySelectorAll(selector)];
  const keysOn = page.dataset.keys === "1";

  // Opening of the keys' list
  const keys = document.getElementById("keys");
  all("[data-opens]").forEach((button) => {
    button.hidden = false;
    button.addEventListener("click", () => keys.showModal());
  });

  // The undo bar counts down
  const bar = one("[data-undo]");
  if (bar && +bar.dataset.undo > 0) {
    let left = +bar.dataset.undo;
    const clock = setInterval(() => {
      left -= 1;
      if (left <= 0) { clearInterval(clock); one("form", bar)?.remove(); return; }
      one("[data-left]", bar).textContent = left;
    }, 1000);
  }

  // The list keeps its place
  const scroll = one("[data-scroll]");
  const current = scroll && one(".is-current", scroll);
  if (current) scroll.scrollTop = current.offsetTop - scroll.offsetTop - scroll.clientHeight / 3;

  // Selecting
  const boxes = all("input[name=lot]");
  const selectAll = one("[data-select-all]");
  if (selectAll) {
    selectAll.closest("[hidden]").hidden = false;
    selectAll.addEventListener("change", () => boxes.forEach((box) => { box.checked = selectAll.checked; }));
  }

  // Who else looks, and whether somebody was faster
  const also = one("[data-presence]");
  const look = async () => {
    if (document.hidden) return;
    try {
      const answer = await fetch(also.dataset.presence, { headers: { Accept: "application/json" }, credentials: "same-origin" });
      if (!answer.ok) return;
      const told = await answer.json();
      const changed = told.stamp !== also.dataset.stamp;
      const words = changed ? also.dataset.changed : told.also;
      if (also.textContent !== words) also.textContent = words;
      also.classList.toggle("is-changed", changed);
    } catch { /* the network comes back */ }
  };
  if (also) {
    setInterval(look, 15000);
    document.addEventListener("visibilitychange", look);
  }

  // Refuse, send back, assign: the page of its own, shown in a dialog
  const sheet = document.getElementById("sheet");
  const fill = (root) => {
    const reason = one("[data-reason]", root);
    const preview = one("[data-preview]", root);
    if (!reason) return;
    const mirror = () => { preview.textContent = reason.value || "…"; };
    reason.addEventListener("input", mirror);
    all("[data-sentence]", root).forEach((link) => link.addEventListener("click", (event) => {
      event.preventDefault();
      all("[data-sentence]", root).forEach((other) => other.removeAttribute("aria-current"));
      link.setAttribute("aria-current", "true");
      reason.value = link.dataset.sentence;
      mirror();
      one("button:not([type=button])", reason.form).focus();
    }));
  };
  const openSheet = async (link) => {
    try {
      const answer = await fetch(link.href, { credentials: "same-origin" });
      const part = new DOMParser().parseFromString(await answer.text(), "text/html").getElementById("sheet-part");
      if (!answer.ok || !part) throw new Error(answer.status);
      sheet.replaceChildren(document.adoptNode(part));
      sheet.removeAttribute("aria-label");
      sheet.setAttribute("aria-labelledby", "sheet-title");
      fill(sheet);
      sheet.showModal();
      (one("[data-sentence]", sheet) || one("textarea, input:not([type=hidden])", sheet))?.focus();
    } catch { location.assign(link.href); }
  };
  if (sheet?.showModal) {
    document.addEventListener("click", (event) => {
      const link = event.target.closest("a[data-sheet]");
      if (link && !event.ctrlKey && !event.metaKey && !event.shiftKey && event.button === 0) { event.preventDefault(); openSheet(link); }
      if (event.target.closest("#sheet [data-close]")) { event.preventDefault(); sheet.close(); }
    });
  }
  if (one("#sheet-part")) fill(document);

  // Keys: one letter each, never while typing, never with a modifier, and they can be switched off
  let place = -1;
  const lots = all("[data-lots] > .lot");
  const move = (step) => {
    const link = one(`a[data-key=${step > 0 ? "j" : "k"}]`);
    if (link) { link.click(); return; }
    if (also || !lots.length) return;
    place = Math.min(Math.max(place + step, 0), lots.length - 1);
    lots.forEach((lot, index) => lot.classList.toggle("is-cursor", index === place));
    one("a", lots[place]).focus();
  };
  const select = () => {
    const lot = also ? one(".is-current") : lots[place];
    const box = lot && one("input[name=lot]", lot);
    if (box) box.checked = !box.checked;
  };
  const press = (letter) => one(`[data-key=${letter}]`)?.click();
  const acts = { j: () => move(1), k: () => move(-1), x: select, "/": () => one("[data-search]")?.focus(), "?": () => keys.showModal() };
  document.addEventListener("keydown", (event) => {
    // Out of an empty search with Escape, and the letters are keys again.
    if (event.key === "Escape" && event.target.matches("[data-search]") && !event.target.value) event.target.blur();
    if (event.ctrlKey || event.altKey || event.metaKey || event.isComposing || event.repeat) return;
    if (/^[1-9]$/.test(event.key) && keysOn && !event.target.matches("textarea, input, select")) {
      const link = one(`[data-digit="${event.key}"]`, sheet?.open ? sheet : document);
      if (link) { event.preventDefault(); link.click(); }
      return;
    }
    if (!keysOn || event.target.matches("textarea, select, input:not([type=checkbox], [type=radio])") || one("dialog[open]")) return;
    const act = acts[event.key.toLowerCase()] || ("arcpz".includes(event.key.toLowerCase()) && event.key.length === 1 ? () => press(event.key.toLowerCase()) : null);
    if (act) { event.preventDefault(); act(); }
  });
})();
