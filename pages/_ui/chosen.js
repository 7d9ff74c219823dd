// Tells the server which record was chosen in a list (record_list.js): heard here, what stands beside the list is drawn anew.
export default function ({ data, parentElement, setTriggerValue }) {
  // The listener of an earlier call is kept until this one takes its place: no choice is lost between the two.
  const ear = parentElement.querySelector("span");
  ear.listening?.abort();
  const listening = (ear.listening = new AbortController());
  const hear = ({ detail }) => detail.list === data.list && setTriggerValue("chosen", detail.id);
  document.addEventListener("merganser:chosen", hear, { signal: listening.signal });
  return () => setTimeout(() => ear.isConnected || listening.abort());
}
