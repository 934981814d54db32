// How far a run is: the bar moves by itself; when it has finished the page is shown anew.
(() => {
  const place = document.querySelector("[data-progress]");
  if (!place) return;
  const bar = place.querySelector("progress");
  const words = place.querySelector("[role=status]");
  const again = () => setTimeout(look, 1000);
  async function look() {
    const answer = await fetch(place.dataset.progress, { headers: { Accept: "application/json" } }).catch(() => null);
    if (!answer?.ok) return setTimeout(look, 5000);
    const now = await answer.json();
    if (!now.running) return location.reload();
    if (now.total) {
      bar.max = now.total;
      bar.value = now.done;
    }
    if (words.textContent !== now.said) words.textContent = now.said;
    return again();
  }
  again();
})();
