// What the staff's generated pages may do better with a script.
(() => {
  const each = (selector, act) => document.querySelectorAll(selector).forEach(act);

  each("[data-menu]", (button) => {
    const menu = document.getElementById(button.getAttribute("aria-controls"));
    const open = (yes) => { button.setAttribute("aria-expanded", yes); menu.classList.toggle("is-closed", !yes); };
    button.hidden = false;
    open(false);
    button.addEventListener("click", () => open(button.getAttribute("aria-expanded") === "false"));
    addEventListener("keydown", (event) => {
      if (event.key === "Escape" && menu.contains(document.activeElement)) { open(false); button.focus(); }
    });
  });

  // A condition is part of a filter's name: _flt_<condition>_<column>.
  each("[data-filters]", (form) => {
    form.querySelectorAll("[data-column]").forEach((filter) => {
      const value = filter.querySelector("[data-value]");
      const rename = () => {
        const flag = value.options?.[value.selectedIndex]?.dataset.condition;
        const condition = flag ?? filter.querySelector("select[data-condition]")?.value;
        if (condition !== undefined) value.name = `_flt_${condition}_${filter.dataset.column}`;
      };
      filter.addEventListener("change", rename);
      if (value) rename();
    });
    form.addEventListener("submit", () => form.querySelectorAll("[data-value]").forEach((value) => { value.disabled = !value.value; }));
    addEventListener("pageshow", () => form.querySelectorAll("[data-value]").forEach((value) => { value.disabled = false; }));
  });

  const boxes = (id) => [...document.querySelectorAll(`input[name=rowid][form="${id}"]`)];
  each("[data-all]", (all) => {
    const rows = boxes(all.dataset.all);
    all.addEventListener("change", () => rows.forEach((row) => { row.checked = all.checked; }));
    rows.forEach((row) => row.addEventListener("change", () => {
      all.checked = rows.every((one) => one.checked);
      all.indeterminate = !all.checked && rows.some((one) => one.checked);
    }));
  });

  // The browser's own picker for instants, in a form that expects "2026-11-23 08:41:00".
  each("[data-instant]", (input) => {
    const picker = Object.assign(document.createElement("input"), { type: "datetime-local", step: 1, value: input.value.replace(" ", "T"), required: input.required });
    for (const name of ["aria-describedby", "aria-invalid"]) if (input.hasAttribute(name)) picker.setAttribute(name, input.getAttribute(name));
    picker.addEventListener("input", () => {
      const [day, time] = picker.value.split("T");
      input.value = day ? `${day} ${time.length === 5 ? time + ":00" : time.slice(0, 8)}` : "";
    });
    input.before(picker);
    picker.id = input.id;
    input.removeAttribute("id");
    input.type = "hidden";
  });

  // One dialog for all questions; the capture phase comes before portal.js, which asks in plain.
  const dialog = document.getElementById("confirm");
  document.addEventListener("submit", (event) => {
    const { target: form, submitter } = event;
    const refuse = () => { event.preventDefault(); event.stopImmediatePropagation(); };
    if (form.dataset.rows && !boxes(form.id).some((row) => row.checked)) {
      refuse();
      const place = document.getElementById("announce");
      place.textContent = form.dataset.rows;
      place.className = "notice notice-warning toast";
      setTimeout(() => { place.className = "sr-only"; }, 6000);
      return;
    }
    const question = submitter?.dataset.confirm || form.dataset.confirm;
    if (!question || !dialog?.showModal) return;
    refuse();
    dialog.querySelector("#confirm-text").textContent = question;
    dialog.onclose = () => {
      if (dialog.returnValue !== "yes") return;
      // Sent once without the question; the question comes back for whoever returns to this page.
      const holder = submitter?.dataset.confirm ? submitter : form;
      delete holder.dataset.confirm;
      form.requestSubmit(submitter);
      holder.dataset.confirm = question;
    };
    dialog.returnValue = "";
    dialog.showModal();
  }, true);

  each("[data-print]", (button) => { button.hidden = false; button.addEventListener("click", () => print()); });

  // Menus made of <details> close as menus do.
  document.addEventListener("click", (event) => each("details.menu[open]", (menu) => { if (!menu.contains(event.target)) menu.open = false; }));
})();
