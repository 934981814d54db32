// A block that was copied from a spreadsheet spreads over the cells; the arrows go from cell to cell. A page's text has lost the cells that
// span others: its table is taken instead.
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

  // Footnotes ("2,50<sup>1</sup>" is no 2,501), and words that lines parted.
  const words = (cell) => {
    for (const note of cell.querySelectorAll("sup")) if (/^[\s\d()*,]*$/.test(note.textContent)) note.remove();
    for (const end of cell.querySelectorAll("br, p, div, li")) end.before(" ");
    return cell.textContent.replace(/\s+/g, " ").trim();
  };

  // A cell that spans others says the same of each; one that is a whole line says it once.
  const lines = (table) => {
    const rows = Array.from(table.rows, () => []);
    Array.from(table.rows).forEach((row, down) => {
      let across = 0;
      for (const cell of row.cells) {
        while (rows[down][across] !== undefined) across += 1;
        const text = words(cell), width = row.cells.length > 1 ? cell.colSpan : 1;
        for (const line of rows.slice(down, down + (cell.rowSpan || rows.length))) {
          for (let place = across; place < across + width; place += 1) line[place] = text;
        }
      }
    });
    return rows.map((row) => Array.from(row, (text) => text ?? "").join("\t")).join("\n");
  };

  const pasted = document.getElementById("pasted");
  pasted?.addEventListener("paste", (event) => {
    const page = new DOMParser().parseFromString(event.clipboardData?.getData("text/html") ?? "", "text/html");
    const tables = Array.from(page.querySelectorAll("table")).filter((table) => !table.querySelector("table"));
    if (!tables.length) return;
    event.preventDefault();
    for (const part of page.querySelectorAll("style, script")) part.remove();
    for (const table of tables) table.replaceWith(`\n${lines(table)}\n`);
    for (const end of page.querySelectorAll("br, p, div, li, h1, h2, h3, h4")) end.before("\n");
    pasted.setRangeText(page.body.textContent.replace(/[^\S\t]*\n\s*\n/g, "\n"), pasted.selectionStart, pasted.selectionEnd, "end");
  });
})();
