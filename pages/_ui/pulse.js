// Asks the server once a second which snapshot the lake is at, and says so when it is not the one that is shown.
const AGAIN_MS = 4000;
export default function ({ data, setTriggerValue, parentElement }) {
  let told = null, toldAt = 0, stopped = false, timer;
  const look = async () => {
    if (!document.hidden) {
      try {
        const answer = await fetch("/api/pulse", { cache: "no-store" });
        if (answer.ok) {
          const { snapshot } = await answer.json();
          // What is told while the page is being drawn may be lost: it is told again until the page shows it.
          const due = snapshot !== told || performance.now() - toldAt > AGAIN_MS;
          if (!stopped && snapshot !== data.snapshot && due) {
            [told, toldAt] = [snapshot, performance.now()];
            setTriggerValue("moved", snapshot);
          }
        }
      } catch { /* the server is away for a moment; the next look tells */ }
    }
    if (!stopped) timer = setTimeout(look, data.every);
  };
  timer = setTimeout(look, data.every);
  return () => { stopped = true; clearTimeout(timer); };
}
