// Now, kept as it is: when something happened htmx asks for it again and changes what is different, so that whoever is at
// a link stays at it. Here a new request is told to those who do not see it appear.

import "./frame.js";

const live = document.getElementById("live");
const said = document.getElementById("said");
const waiting = () => new Set([...live.querySelectorAll("[id^='w-']")].map((one) => one.id));
let known = waiting();

document.body.addEventListener("htmx:after:swap", () => {
  const now = waiting();
  const fresh = [...now].filter((id) => !known.has(id));
  known = now;
  for (const id of fresh) document.getElementById(id).classList.add("arrived");
  if (fresh.length) said.textContent = fresh.length === 1 ? "A new request waits." : `${fresh.length} new requests wait.`;
});
