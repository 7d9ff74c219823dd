// From when to when, by wall clocks that are counted as if they were UTC. The end follows the start here, in the browser, so
// that nothing is waited for and nothing that is typed meanwhile is lost; the server is told both once the hands rest.
const DAY = 86_400_000, MORNING = 9 * 3_600_000, HOUR = 3_600_000, REST = 400;
const read = (text) => (text ? Date.parse(text.length > 10 ? `${text}Z` : `${text}T00:00Z`) : null);
const iso = (moment, length) => (moment === null ? "" : new Date(moment).toISOString().slice(0, length));
const day = (moment) => Math.floor(moment / DAY) * DAY;

// What is being typed is left alone: half of it is no time yet.
function show(box, typing) {
  const { from, to, whole } = box;
  for (const input of [from, to]) {
    const type = whole.checked ? "date" : "datetime-local";
    if (input.type === type) continue;
    input.type = type;
    input.max = whole.checked ? "2199-12-31" : "2199-12-31T23:59"; // so that a year has four digits
  }
  const length = whole.checked ? 10 : 16;
  const first = iso(box.starts, length), last = iso(whole.checked && box.ends !== null ? box.ends - DAY : box.ends, length);
  if (from !== typing && from.value !== first) from.value = first;
  if (to !== typing && to.value !== last) to.value = last;
  const early = box.starts !== null && box.ends !== null && box.ends < box.starts + (whole.checked ? DAY : 0);
  box.wrong.textContent = early ? "It would end before it begins. Choose a later end." : box.problem;
  to.ariaInvalid = String(Boolean(box.wrong.textContent));
}

function typed(box, input) {
  const value = read(input.value);
  if (input === box.to) {
    box.ends = value === null || !box.whole.checked ? value : value + DAY;
  } else if (value !== null) {
    if (box.ends !== null && box.starts !== null) box.ends += value - box.starts;
    box.starts = value;
  }
}

// A whole day has no times; those that it had come back with its unticking.
function turned(box) {
  const { starts, ends } = box;
  if (starts === null) return;
  if (box.whole.checked) {
    box.times = [starts - day(starts), ends === null ? null : ends - day(ends)];
    box.starts = day(starts);
    box.ends = Math.max(box.starts, ends === null ? 0 : day(ends - 1)) + DAY;
  } else {
    const [first, last] = box.times ?? [MORNING, null];
    box.starts = starts + first;
    box.ends = last === null ? box.starts + HOUR : ends - DAY + last;
    if (box.ends <= box.starts) box.ends = box.starts + HOUR;
  }
}

export default function ({ data, parentElement, setStateValue }) {
  const root = parentElement.querySelector(".span");
  const first = !root.box;
  const box = (root.box ??= {});
  Object.assign(box, { set: setStateValue, problem: data.problem });
  if (first) {
    const [from, to, whole] = root.querySelectorAll("input");
    const told = `${data.starts} ${data.ends}`;
    Object.assign(box, {
      from, to, whole, told, wrong: root.querySelector(".wrong"), starts: read(data.starts), ends: read(data.ends),
    });
    root.querySelectorAll("label > span").forEach((label, at) => { label.textContent = data.labels[at]; });
    from.required = true;
    whole.checked = data.whole;
    const tell = () => {
      clearTimeout(box.resting);
      const said = `${iso(box.starts, 16)} ${iso(box.ends, 16)}`;
      if (said === box.told) return;
      box.told = said;
      box.problem = "";
      box.set("span", said);
    };
    root.addEventListener("input", ({ target }) => {
      if (target === whole) turned(box);
      else typed(box, target);
      show(box, target);
      clearTimeout(box.resting);
      box.resting = setTimeout(tell, target === whole ? 0 : REST);
    });
    root.addEventListener("focusout", tell);
    root.addEventListener("keydown", ({ key }) => { if (key === "Enter") tell(); });
  }
  show(box, [box.from, box.to].find((input) => input.matches(":focus")));
}
