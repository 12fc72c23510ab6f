/** Putting text into the box in which the owner writes. Never sends it: no key is pressed, no form is submitted. */

/** What became of it. `undo`: the browser's own undo takes it back. */
export type Inserted = { done: true; undo: boolean } | { done: false; why: "moved" | "no_box" | "refused" };

/**
 * Put a text into the page's box: the one that has the focus, else the first that a selector finds, else the only one.
 *
 * This function is handed to the page as its source, so it uses nothing from outside itself. `origin` is the site that
 * the vault recorded: a tab that went elsewhere meanwhile gets nothing.
 */
export async function insertText(text: string, origin: string, boxes: readonly string[]): Promise<Inserted> {
  type Box = HTMLTextAreaElement | HTMLInputElement | HTMLElement;
  const isField = (box: Element | null): box is HTMLTextAreaElement | HTMLInputElement =>
    box instanceof HTMLTextAreaElement ||
    (box instanceof HTMLInputElement && /^(text|search|email|url)$/.test(box.type));
  const isBox = (box: Element | null): box is Box =>
    (isField(box) && !box.disabled && !box.readOnly) || (box instanceof HTMLElement && box.isContentEditable);
  const isShown = (box: Element) =>
    box.checkVisibility({ visibilityProperty: true }) && box.getBoundingClientRect().height > 0;
  const find = (selector: string): Element[] => {
    try {
      return [...document.querySelectorAll(selector)];
    } catch {
      return [];
    }
  };
  const focused = (): Element | null => {
    let at = document.activeElement;
    while (at?.shadowRoot?.activeElement) at = at.shadowRoot.activeElement;
    return at;
  };
  const hostOf = (box: Box): Box => {
    let at: HTMLElement = box;
    while (!isField(at) && at.parentElement?.isContentEditable) at = at.parentElement;
    return at;
  };
  const target = (): Box | undefined => {
    const here = focused();
    if (isBox(here)) return hostOf(here);
    const known = boxes.flatMap(find).find((box) => isBox(box) && isShown(box));
    if (known) return known as Box;
    const any = find("textarea, [contenteditable]:not([contenteditable=false])").filter(
      (box) => isBox(box) && isShown(box),
    );
    return any.length === 1 ? (any[0] as Box) : undefined;
  };
  const words = (box: Box) => (isField(box) ? box.value : box.innerText).replace(/\s+/g, "");
  const wanted = text.replace(/\s+/g, "");

  if (location.origin !== origin) return { done: false, why: "moved" };
  const box = target();
  if (!box) return { done: false, why: "no_box" };
  const before = words(box).split(wanted).length;
  const isIn = () => words(box).split(wanted).length > before;
  const comesIn = async (): Promise<boolean> => {
    for (let look = 0; look < 15 && !isIn(); look += 1) await new Promise((done) => setTimeout(done, 20)); // an editor may show it a moment later
    return isIn();
  };

  const selection = document.getSelection();
  const isInside = !isField(box) && selection?.anchorNode && box.contains(selection.anchorNode);
  const wasFocused = box === focused();
  box.focus();
  if (isField(box) && !wasFocused) box.setSelectionRange(box.value.length, box.value.length);
  if (!isField(box) && !isInside && selection) {
    selection.selectAllChildren(box);
    selection.collapseToEnd();
  }
  // Old, but the only way that is a step of the browser's own undo, and that every editor hears as typing. What it
  // returns says little: an editor that takes the text over itself makes it false.
  document.execCommand("insertText", false, text);
  if (await comesIn()) return { done: true, undo: true };
  if (isField(box)) {
    box.setRangeText(text, box.selectionStart ?? box.value.length, box.selectionEnd ?? box.value.length, "end");
    box.dispatchEvent(new InputEvent("input", { bubbles: true, inputType: "insertText", data: text }));
    return (await comesIn()) ? { done: true, undo: false } : { done: false, why: "refused" };
  }
  const carried = new DataTransfer();
  carried.setData("text/plain", text);
  box.dispatchEvent(new ClipboardEvent("paste", { bubbles: true, cancelable: true, clipboardData: carried }));
  return (await comesIn()) ? { done: true, undo: true } : { done: false, why: "refused" };
}
