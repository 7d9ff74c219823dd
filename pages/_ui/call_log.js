// How long a call has been going on, counted in the browser: the server is asked nothing meanwhile.
// It is told the seconds when the call ends, and again each time the person says how long it really was.
const shown = (seconds) => `${Math.floor(seconds / 60)}:${String(seconds % 60).padStart(2, "0")}`;

export default function ({ data, parentElement, setStateValue }) {
  const face = parentElement.querySelector("time");
  const stop = parentElement.querySelector("button");
  clearInterval(face.timer);
  const since = () => Math.max(0, Math.round((Date.now() - data.began) / 1000));
  const running = data.seconds === null || data.seconds === undefined;
  const draw = () => {
    face.textContent = shown(running ? since() : data.seconds);
    face.dateTime = `PT${running ? since() : data.seconds}S`;
  };
  draw();
  if (running) face.timer = setInterval(draw, 1000);
  stop.hidden = !running;
  stop.onclick = () => setStateValue("seconds", since());
  return () => clearInterval(face.timer);
}
