// Fields that name a family or a child complete themselves; the server understands them without.
document.querySelectorAll("input[data-lookup]").forEach((input) => {
  const list = document.getElementById(input.getAttribute("list"));
  let wait, asked = "";
  input.addEventListener("input", () => {
    clearTimeout(wait);
    const text = input.value.trim();
    if (text.length < 2 || [...list.options].some((option) => option.value === input.value)) return;
    wait = setTimeout(async () => {
      asked = text;
      const answer = await fetch(`${input.dataset.lookup}?q=${encodeURIComponent(text)}`, { headers: { Accept: "application/json" } }).catch(() => null);
      if (!answer?.ok || asked !== text) return;
      list.replaceChildren(...(await answer.json()).map((value) => Object.assign(document.createElement("option"), { value })));
    }, 180);
  });
});
document.querySelectorAll("[data-print]").forEach((button) => button.addEventListener("click", () => print()));
