// Asks the server once a second which snapshot the lake is at, and says so when it is not the one that is shown: at once
// when something changed that pages show, else (a message that somebody has read, say) after a while.
const AGAIN_MS = 4000;
const QUIET_MS = 10000;
export default function ({ data, setTriggerValue, parentElement }) {
  // One watch an element, however often it is drawn: only what it compares with is another.
  const watch = (parentElement.watch ??= { told: null, toldAt: 0, behindSince: null });
  if (watch.shown !== data.snapshot) watch.behindSince = null;
  Object.assign(watch, { shown: data.snapshot, every: data.every, tell: setTriggerValue, stopped: false });
  const look = async () => {
    if (!document.hidden) {
      try {
        const answer = await fetch("/api/pulse", { cache: "no-store" });
        if (answer.ok) {
          const { snapshot, shown } = await answer.json();
          const now = performance.now();
          if (snapshot !== watch.shown) watch.behindSince ??= now;
          const moved = shown > watch.shown || (watch.behindSince !== null && now - watch.behindSince > QUIET_MS);
          // What is told while the page is being drawn may be lost: it is told again until the page shows it.
          const due = snapshot !== watch.told || now - watch.toldAt > AGAIN_MS;
          if (!watch.stopped && moved && due) {
            [watch.told, watch.toldAt] = [snapshot, now];
            watch.tell("moved", snapshot);
          }
        }
      } catch { /* the server is away for a moment; the next look tells */ }
    }
    watch.timer = watch.stopped ? undefined : setTimeout(look, watch.every);
  };
  if (!watch.started) watch.timer = setTimeout(look, watch.every);
  watch.started = true;
  return () => {
    clearTimeout(watch.timer);
    watch.stopped = true;
    watch.started = false;
  };
}
