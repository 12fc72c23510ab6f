// Lists of records: how many are chosen, and choosing all of them.

for (const form of document.querySelectorAll("form[data-choosing]")) {
  const boxes = [...form.querySelectorAll("input[name=id]")];
  const said = form.querySelector("[data-chosen]");
  const all = form.querySelector("[data-choose-all]");
  const tell = () => {
    const number = boxes.filter((one) => one.checked).length;
    said.textContent = number ? `${number} chosen` : "";
    all.textContent = number === boxes.length ? "Choose none" : "Choose all";
  };
  all.hidden = false;
  all.addEventListener("click", () => {
    const every = boxes.some((one) => !one.checked);
    for (const one of boxes) one.checked = every;
    tell();
  });
  form.addEventListener("change", tell);
  tell(); // a browser that goes back keeps the ticks
}
