// Says that the end of what is shown comes near, once for each end.
const AHEAD = 900;

// What scrolls: an observer looks ahead only within it. A component may stand in a tree of its own.
function scroller(node) {
  for (let at = node; at; at = at.parentNode ?? at.host) {
    if (at instanceof Element && /auto|scroll/.test(getComputedStyle(at).overflowY)) return at;
  }
  return null;
}

export default function ({ data, parentElement, setTriggerValue }) {
  const end = parentElement.querySelector(".near-end");
  end.textContent = data.more ? "Loading more …" : "";
  end.watch?.disconnect();
  if (!data.more) return;
  const near = (seen) => {
    if (end.asked === data.more || !seen.some((one) => one.isIntersecting)) return;
    end.asked = data.more;
    setTriggerValue("near", data.more);
  };
  end.watch = new IntersectionObserver(near, { root: scroller(end.parentNode), rootMargin: `0px 0px ${AHEAD}px 0px` });
  end.watch.observe(end);
  return () => setTimeout(() => end.isConnected || end.watch?.disconnect());
}
