// A block that was copied from a spreadsheet spreads over the cells; the arrows go from cell to cell.
(() => {
  const grid = document.querySelector(".price-grid");
  if (!grid) return;
  const cell = (row, column) => grid.querySelector(`#cell-${row}-${column}`);

  grid.addEventListener("paste", (event) => {
    const from = event.target.closest(".price");
    const text = event.clipboardData?.getData("text/plain") ?? "";
    if (!from || !/[\t\n]/.test(text.trim())) return;
    event.preventDefault();
    text.replace(/\r/g, "").replace(/\n$/, "").split("\n").forEach((line, down) => {
      line.split("\t").forEach((value, across) => {
        const to = cell(Number(from.dataset.row) + down, Number(from.dataset.column) + across);
        if (to) to.value = value.trim();
      });
    });
    from.form.dispatchEvent(new Event("input"));
  });

  grid.addEventListener("keydown", (event) => {
    const from = event.target.closest(".price");
    const step = { ArrowDown: 1, ArrowUp: -1 }[event.key];
    if (!from || !step) return;
    const to = cell(Number(from.dataset.row) + step, from.dataset.column);
    if (to) { event.preventDefault(); to.focus(); to.select(); }
  });
})();
