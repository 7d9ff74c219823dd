// A calendar: FullCalendar, given wall clocks of the server's zone as if they were UTC, so that the browser's own zone
// counts for nothing. What a person drags is told to the server; what then stands there is what the server answers.
const LIST = "listMonth";

// What the clocks of a zone show now, written as if it were UTC.
const clock = (zone) => `${new Date().toLocaleString("sv-SE", { timeZone: zone }).replace(" ", "T")}Z`;

function options(box, data) {
  const tell = (name, value) => box.tell(name, JSON.stringify(value));
  const moved = ({ event, oldEvent, revert }) => {
    // A whole day and a time of day are different things: one does not become the other.
    if (event.allDay !== oldEvent.allDay) return revert();
    tell("moved", { id: event.id, version: event.extendedProps.version, start: event.startStr, end: event.endStr });
  };
  const hours = { hour: "2-digit", minute: "2-digit", hour12: false };
  return {
    headerToolbar: false, timeZone: "UTC", now: () => clock(box.shown.zone), locale: "en-gb",
    initialView: matchMedia("(max-width: 640px)").matches ? LIST : data.view, initialDate: data.day,
    firstDay: data.firstDay, height: 640, scrollTime: "07:30", nowIndicator: true, dayMaxEvents: true,
    selectable: data.editable, selectMirror: true, eventInteractive: true, eventResizableFromStart: true,
    longPressDelay: 350, eventTimeFormat: hours, slotLabelFormat: hours, noEventsContent: "Nothing this month.",
    views: { [LIST]: { height: "auto" } },
    select: (span) => {
      box.calendar.unselect();
      tell("created", { start: span.startStr, end: span.endStr, allDay: span.allDay });
    },
    eventDrop: moved,
    eventResize: moved,
    eventClick: ({ event }) => tell("opened", event.id),
    eventDidMount: ({ el, event }) => {
      el.title = event.extendedProps.told;
      // In a list it is the link within a row that one reaches by keyboard.
      (el.querySelector("a") ?? el).setAttribute("aria-label", event.extendedProps.told);
    },
    // A day is called by its date and by what stands in it.
    dayCellDidMount: ({ el }) => el.removeAttribute("aria-labelledby"),
    datesSet: ({ view }) => {
      box.bar.querySelector("h3").textContent = view.title;
      for (const button of box.bar.querySelectorAll("[data-view]")) {
        button.ariaPressed = String(button.dataset.view === view.type);
      }
      const day = box.calendar ? box.calendar.getDate().toISOString().slice(0, 10) : data.day;
      const seen = `${view.type} ${day}`;
      if (box.seen && box.seen !== seen) tell("shown", { view: view.type, day });
      box.seen = seen;
    },
  };
}

// The events one after the other by the arrows; Enter and Space are FullCalendar's own.
function walk(box, event) {
  const all = [...box.grid.querySelectorAll("a.fc-event, .fc-list-event a")];
  const at = all.indexOf(event.target);
  const step = { ArrowRight: 1, ArrowDown: 1, ArrowLeft: -1, ArrowUp: -1 }[event.key];
  if (at < 0 || !step) return;
  event.preventDefault();
  event.stopPropagation();
  all[at + step]?.focus();
}

// The buttons hear before the library is there: what is pressed then is done when it has come.
function listen(box, root, url) {
  box.bar = root.querySelector(".bar");
  box.grid = root.querySelector(".grid");
  box.bar.addEventListener("click", ({ target }) => {
    const { go, view } = target.closest("button")?.dataset ?? {};
    library(url).then(() => {
      if (go) box.calendar?.[go]();
      if (view) box.calendar?.changeView(view);
    }, () => {});
  });
  box.grid.addEventListener("keydown", (event) => walk(box, event), true);
}

function begin(box) {
  box.calendar = new window.FullCalendar.Calendar(box.grid, options(box, box.shown));
  box.calendar.render();
}

function show(box, data) {
  if (box.version === data.version) return;
  box.version = data.version;
  const { calendar } = box;
  calendar.setOption("editable", data.editable);
  calendar.setOption("selectable", data.editable);
  calendar.getEventSources().forEach((source) => source.remove());
  calendar.addEventSource(data.events);
}

export default function ({ data, parentElement, setTriggerValue }) {
  const root = parentElement.querySelector(".calendar");
  const first = !root.box;
  const box = (root.box ??= {});
  Object.assign(box, { tell: setTriggerValue, shown: data });
  if (first) listen(box, root, data.library);
  library(data.library).then(() => {
    if (!root.isConnected) return;
    if (!box.calendar) begin(box);
    show(box, box.shown);
  }, (error) => {
    root.querySelector(".grid").replaceChildren(part("p", "failed", error.message));
  });
  return () => setTimeout(() => root.isConnected || box.calendar?.destroy());
}
