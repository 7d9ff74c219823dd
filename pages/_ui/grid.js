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

// == editor: a cell that is typed in; what was typed outlives a redraw by the server, and a refused value says why
class {
  init(params) {
    this.params = params;
    const { data, colDef, eventKey } = params, { way, options } = colDef.cellEditorParams;
    this.name = colDef.field;
    this.cell = `${data.id} ${this.name}`;
    this.before = data[`${this.name}__edit`] ?? "";
    const held = window.held?.cell === this.cell ? window.held : null;
    const wrong = data.wrong__ === this.name && data.since__ === window.wrongShown ? data : null;
    this.why = wrong ? wrong.why__ : "";
    this.gui = document.createElement("div");
    this.gui.className = "editor";
    this.gui.style.minWidth = `${Math.max(params.column.getActualWidth(), this.why ? 220 : 0)}px`;
    this.field = way === "choice" ? this.list(options) : this.input(way);
    this.field.ariaLabel = colDef.headerName;
    const typed = way === "text" || way === "number" ? eventKey : "";
    this.field.value = held ? held.text : wrong ? wrong.typed__ : typed?.length === 1 ? typed : this.before;
    this.version = held ? held.version : data.base__;
    this.gui.append(this.field);
    if (this.why) {
      const why = document.createElement("div");
      why.className = "why";
      why.role = "alert";
      why.textContent = this.why;
      this.gui.append(why);
    }
    this.hold();
    this.field.addEventListener("input", () => this.hold());
    this.field.addEventListener("keydown", (event) => { if (event.key === "Escape") window.held = null; });
  }
  input(way) {
    const input = document.createElement("input");
    input.type = way === "date" ? "date" : "text";
    if (way === "number") input.inputMode = "decimal";
    return input;
  }
  list(options) {
    const list = document.createElement("select");
    list.size = Math.max(2, Math.min(8, options.length));
    for (const { value, label } of options) list.add(new Option(label, value));
    list.addEventListener("click", (event) => { if (event.target.localName === "option") this.params.stopEditing(); });
    return list;
  }
  hold() { window.held = { cell: this.cell, text: this.field.value, before: this.before, version: this.version }; }
  afterGuiAttached() {
    this.field.focus();
    if (this.field.localName === "input" && this.field.type === "text" && this.field.value === this.before) this.field.select();
  }
  getGui() { return this.gui; }
  isPopup() { return true; }
  isCancelAfterEnd() {
    window.held = null;
    return this.field.value === this.before;
  }
  getValue() {
    const { data } = this.params;
    data[`${this.name}__new`] = this.field.value;
    data.from__ = this.version;
    return this.field.localName === "select" ? this.field.selectedOptions[0]?.text ?? "" : this.field.value;
  }
}

// == ready: every redraw by the server closes the editor: what was held of it is kept then, and lost only by a person
function ({ api }) {
  if (api.closes) return;
  api.closes = api.stopEditing;
  api.stopEditing = (cancel) => {
    const held = window.held;
    api.closes(cancel);
    window.held = held;
  };
}

// == resume: rows were read again: ticks are as the server knows them, an open editor goes on, a refused edit is shown once
function ({ api }) {
  api.forEachNode((node) => { if (node.data.ticked__) node.setSelected(node.data.ticked__ === "yes"); });
  const open = (cell) => {
    const [id, name] = cell.split(" ");
    const node = api.getRowNode(id);
    if (!node || !api.getColumn(name)) return;
    api.setFocusedCell(node.rowIndex, name);
    api.startEditingCell({ rowIndex: node.rowIndex, colKey: name });
  };
  const held = window.held;
  let wrong = null;
  api.forEachNode((node) => { if (node.data.wrong__ && node.data.since__ !== window.wrongShown) wrong = node.data; });
  if (wrong && (!held || held.text === held.before)) {
    window.wrongShown = wrong.since__;
    window.held = null;
    open(`${wrong.id} ${wrong.wrong__}`);
  } else if (held) open(held.cell);
}

// == keys: a single key empties no cell, and Enter on the name of a record opens it
function ({ event, editing, colDef }) {
  if (editing) return false;
  return ["Delete", "Backspace"].includes(event.key) || (event.key === "Enter" && colDef.context.opens);
}

// == leave: Tab leaves the table, or one would walk through every row; from an editor it goes on to the next one
function (params) {
  if (params.editing) return params.nextCellPosition ?? false;
  for (const part of document.querySelectorAll(".ag-row, .ag-header-row, [class*='-viewport']")) part.tabIndex = -1;
  return false;
}

// == worth: what the server should hear of
function ({ streamlitRerunEventTriggerName, eventData }) {
  const column = eventData.column ? eventData.column.getColId() : "";
  const opens = eventData.colDef?.context?.opens !== false;
  if (streamlitRerunEventTriggerName === "selectionChanged") return !["api", "rowDataChanged"].includes(eventData.source);
  if (streamlitRerunEventTriggerName === "cellClicked") return opens && !column.startsWith("ag-Grid-");
  if (streamlitRerunEventTriggerName !== "cellKeyDown") return true;
  return opens && eventData.event.key === "Enter" && !eventData.event.target.closest(".editor");
}

// == answer: what the server hears
function ({ streamlitRerunEventTriggerName, eventData }) {
  const opens = ["cellClicked", "cellKeyDown"].includes(streamlitRerunEventTriggerName);
  const edits = streamlitRerunEventTriggerName === "cellValueChanged";
  const sorted = eventData.api.getColumnState().filter((column) => column.sort);
  sorted.sort((a, b) => a.sortIndex - b.sortIndex);
  const edited = () => ({
    id: eventData.data.id,
    column: eventData.column.getColId(),
    text: eventData.data[`${eventData.column.getColId()}__new`],
    version: Number(eventData.data.from__),
    at: Date.now(),
  });
  return {
    event: streamlitRerunEventTriggerName,
    selected: eventData.api.getSelectedNodes().map((node) => node.data.id),
    sort: sorted.map((column) => (column.sort === "desc" ? "-" : "") + column.colId),
    opened: opens && eventData.data ? eventData.data.id : null,
    edited: edits ? edited() : null,
  };
}
