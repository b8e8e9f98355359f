// Sorts a table by the column that is clicked, and filters long ones. Without scripts the tables are simply as they are.
const key = (row, column) => {
  const cell = row.cells[column];
  return cell.dataset.key === undefined ? cell.textContent : Number(cell.dataset.key);
};
const order = (a, b) => {
  if (typeof a === "number" && typeof b === "number") return a - b;
  if (typeof a === "number") return -1; // absent values go last
  if (typeof b === "number") return 1;
  return a.localeCompare(b, undefined, { numeric: true });
};
for (const table of document.querySelectorAll("table")) {
  const body = table.tBodies[0];
  for (const heading of table.tHead.rows[0].cells) {
    if (!heading.textContent && heading.cellIndex) continue;
    const button = document.createElement("button");
    button.textContent = heading.textContent || "◆";
    button.title = heading.textContent ? "sort" : "sort by finding";
    heading.replaceChildren(button);
    button.addEventListener("click", () => {
      const down = heading.ariaSort === "ascending";
      for (const other of table.tHead.rows[0].cells) other.ariaSort = null;
      heading.ariaSort = down ? "descending" : "ascending";
      const column = heading.cellIndex;
      const rows = [...body.rows].sort((a, b) => order(key(a, column), key(b, column)));
      body.append(...(down ? rows.reverse() : rows));
    });
  }
  if (body.rows.length < 8) continue;
  const filter = Object.assign(document.createElement("input"), { type: "search", placeholder: "filter", ariaLabel: "filter rows" });
  const tools = Object.assign(document.createElement("div"), { className: "tools" });
  tools.append(filter);
  table.parentElement.before(tools);
  filter.addEventListener("input", () => {
    const wanted = filter.value.toLowerCase();
    for (const row of body.rows) row.hidden = !row.textContent.toLowerCase().includes(wanted);
  });
}
