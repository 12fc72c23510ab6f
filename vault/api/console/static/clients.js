// A button beside each text that is there to be copied.

for (const place of document.querySelectorAll(".copy")) {
  const text = place.querySelector("pre");
  const button = Object.assign(document.createElement("button"), { type: "button", className: "slim", textContent: "Copy" });
  const said = Object.assign(document.createElement("span"), { className: "small dim" });
  said.setAttribute("role", "status");
  button.addEventListener("click", async () => {
    try {
      await navigator.clipboard.writeText(text.textContent);
      said.textContent = "Copied.";
    } catch {
      getSelection().selectAllChildren(text);
      said.textContent = "It is selected: copy it with the keyboard.";
    }
  });
  place.append(button, said);
}
