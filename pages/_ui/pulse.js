// Asks the server once a second which snapshot the lake is at, and says so when it moved.
export default function ({ data, setTriggerValue, parentElement }) {
  let known = data.snapshot, stopped = false, timer;
  const look = async () => {
    if (!document.hidden) {
      try {
        const answer = await fetch("/api/pulse", { cache: "no-store" });
        if (answer.ok) {
          const { snapshot } = await answer.json();
          if (!stopped && snapshot !== known) { known = snapshot; setTriggerValue("moved", snapshot); }
        }
      } catch { /* the server is away for a moment; the next look tells */ }
    }
    if (!stopped) timer = setTimeout(look, data.every);
  };
  timer = setTimeout(look, data.every);
  return () => { stopped = true; clearTimeout(timer); };
}
