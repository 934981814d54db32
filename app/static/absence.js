// What an absence changes follows what is chosen. The server says it; until it has, only the general rule stays.
(() => {
  const form = document.querySelector("form.absence"), place = form?.querySelector("[data-effects]");
  if (!place) return;
  const { first_day: first, last_day: last } = form.elements;
  let wait, asked;
  const ask = async () => {
    const address = new URL(place.dataset.effects, location);
    // Neither the reason nor a word of it: addresses are logged.
    for (const [name, value] of new FormData(form)) if (["children", "first_day", "last_day", "only"].includes(name)) address.searchParams.append(name, value);
    const answer = await fetch(asked = address.href).catch(() => null);
    const text = answer?.ok && !answer.redirected ? await answer.text().catch(() => "") : "";
    if (text && asked === address.href) place.innerHTML = text;
  };
  const follow = () => {
    place.querySelector("ul")?.remove();
    asked = "";
    clearTimeout(wait);
    wait = setTimeout(ask, 250);
  };
  form.addEventListener("change", ({ target }) => {
    if (target === first && first.value > last.value) last.value = first.value;
    if (["children", "first_day", "last_day", "only"].includes(target.name)) follow();
  });
  // The browser puts back what was chosen, not what was said of it.
  if (performance.getEntriesByType("navigation")[0]?.type !== "navigate") follow();
})();
