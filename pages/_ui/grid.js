// The functions among AG Grid's options. Each stands below a line with its name, and is sent by itself.

// == keep_order: the rows come from the server in the order that was asked for; the grid only shows the arrow
function () { return 0; }

// == row_id: a record keeps its selection when the rows are read again
function (params) { return params.data.id; }

// == badge: a cell with a coloured label
class {
  init(params) {
    const colors = params.colDef.cellRendererParams || {};
    this.gui = document.createElement("span");
    this.gui.textContent = params.value || "";
    if (params.value) this.gui.className = "badge " + (colors[params.value] || "gray");
  }
  getGui() { return this.gui; }
  refresh() { return false; }
}

// == leave: Tab leaves the table, or one would have to walk through every row; the arrow keys go from cell to cell
function () {
  for (const part of document.querySelectorAll(".ag-row, .ag-header-row, [class*='-viewport']")) part.tabIndex = -1;
  return false;
}

// == worth: what the server should hear of
function ({ streamlitRerunEventTriggerName, eventData }) {
  const column = eventData.column ? eventData.column.getColId() : "";
  if (streamlitRerunEventTriggerName === "cellClicked") return !column.startsWith("ag-Grid-");
  if (streamlitRerunEventTriggerName === "cellKeyDown") return eventData.event.key === "Enter";
  return true;
}

// == answer: what the server hears
function ({ streamlitRerunEventTriggerName, eventData }) {
  const opens = ["cellClicked", "cellKeyDown"].includes(streamlitRerunEventTriggerName);
  const sorted = eventData.api.getColumnState().filter((column) => column.sort);
  sorted.sort((a, b) => a.sortIndex - b.sortIndex);
  return {
    event: streamlitRerunEventTriggerName,
    selected: eventData.api.getSelectedNodes().map((node) => node.data.id),
    sort: sorted.map((column) => (column.sort === "desc" ? "-" : "") + column.colId),
    opened: opens && eventData.data ? eventData.data.id : null,
  };
}
