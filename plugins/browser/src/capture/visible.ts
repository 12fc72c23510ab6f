/**
 * What a person sees of a page: a copy of it without the text that is there but not shown.
 *
 * Text hidden from people is how pages speak to assistants behind their backs. It is left out, and counted.
 */

/** A copy of the page, the selected ranges in it, and how many characters were left out. */
export interface Copy {
  readonly page: Document;
  readonly ranges: readonly Range[];
  readonly hidden: number;
}

const NOT_TEXT = new Set([
  "SCRIPT",
  "STYLE",
  "TEMPLATE",
  "NOSCRIPT",
  "HEAD",
  "TITLE",
  "OPTION",
  "TEXTAREA",
  "IFRAME",
  "RP",
]);
const SMALLEST_FONT = 3;
/** Menus and banners hide and show as they like; what is hidden within the content is told. */
const CONTENT = "main, article, [role=main], body:not(:has(main, article, [role=main]))";

/** Return what is seen of a page. The page itself is not changed. */
export function copyVisible(page: Document): Copy {
  const copy = copyOf(page);
  const ranges = selected().map((range) => twinRange(range, page, copy));
  const looks = new Looks();
  let hidden = 0;
  for (const [text, twin] of texts(page, copy)) {
    if (looks.shows(text)) continue;
    const parent = text.parentElement;
    if (parent && closest(parent, CONTENT)) hidden += text.data.trim().length;
    twin.remove(); // ranges of the copy follow by themselves
  }
  return { page: copy, ranges, hidden };
}

/** Elements whose name takes the place of a property of the page or of a form: `<img name="title">`. */
const NAMED = "img, form, embed, object, iframe, input, button, select, textarea, fieldset, output";

/** Copy a page whose elements may have taken the place of its methods; in the copy they have not. */
function copyOf(page: Document): Document {
  const copy = Node.prototype.cloneNode.call(page, true) as Document;
  for (const one of Document.prototype.querySelectorAll.call(copy, NAMED)) {
    Element.prototype.removeAttribute.call(one, "name");
    Element.prototype.removeAttribute.call(one, "id");
  }
  return copy;
}

/** Return what a node is asked for, past the fields of a form that took its place: `<input name="parentElement">`. */
function asked<N extends Node, K extends keyof N>(kind: { prototype: N }, node: N, property: K): N[K] {
  return Reflect.get(kind.prototype, property, node);
}

function parentOf(node: Node): Element | null {
  return asked(Node, node, "parentElement");
}

function closest(element: Element, selector: string): Element | null {
  return Element.prototype.closest.call(element, selector);
}

/** Return the ranges that are selected and hold something. */
export function selected(): Range[] {
  const selection = window.getSelection();
  if (!selection) return [];
  const ranges = Array.from({ length: selection.rangeCount }, (_, at) => selection.getRangeAt(at));
  return ranges.filter((range) => !range.collapsed && range.toString().trim() !== "");
}

/** Pair the texts of a page that are more than space with those of its copy. */
function texts(page: Document, copy: Document): [Text, Text][] {
  const [one, other] = [page, copy].map((root) =>
    Document.prototype.createTreeWalker.call(root, root, NodeFilter.SHOW_TEXT),
  );
  const pairs: [Text, Text][] = [];
  while (one?.nextNode() && other?.nextNode()) {
    const [text, twin] = [one.currentNode as Text, other.currentNode as Text];
    const parent = text.parentElement;
    if (text.data.trim() !== "" && parent && !NOT_TEXT.has(asked(Element, parent, "tagName").toUpperCase()))
      pairs.push([text, twin]);
  }
  return pairs;
}

function twinRange(range: Range, page: Document, copy: Document): Range {
  const twin = copy.createRange();
  twin.setStart(twinOf(range.startContainer, page, copy), range.startOffset);
  twin.setEnd(twinOf(range.endContainer, page, copy), range.endOffset);
  return twin;
}

function twinOf(node: Node, page: Document, copy: Document): Node {
  const parent = asked(Node, node, "parentNode");
  if (node === page || !parent) return copy;
  const at = Array.prototype.indexOf.call(asked(Node, parent, "childNodes"), node);
  return twinOf(parent, page, copy).childNodes[at] ?? copy;
}

/** How the elements of a page look. Each is asked once. */
class Looks {
  private readonly known = new Map<Element, boolean>();
  private readonly cut = new Map<Element, boolean>();
  private readonly view: Window = window;

  /** Tell whether a text is shown somewhere a person could scroll to. */
  shows(text: Text): boolean {
    const parent = text.parentElement;
    if (!parent) return false;
    const legible = this.known.get(parent) ?? this.isLegible(parent);
    this.known.set(parent, legible);
    return legible && (isFolded(parent) || this.isOnPage(text));
  }

  private isLegible(element: Element): boolean {
    if (isFolded(element)) return true; // a person opens it with a click
    if (!isShown(element, { opacityProperty: true, visibilityProperty: true })) return false;
    const style = this.view.getComputedStyle(element);
    if (Number.parseFloat(style.fontSize) < SMALLEST_FONT) return false;
    return !this.isCutOff(element) && !this.isInkless(element, style);
  }

  /** The ink is transparent, or that of the paper. */
  private isInkless(element: Element, style: CSSStyleDeclaration): boolean {
    const ink = style.webkitTextFillColor || style.color;
    if (isClear(ink)) return !/text/.test(style.backgroundClip);
    for (let at: Element | null = element; at; at = parentOf(at)) {
      const { backgroundColor, backgroundImage } = this.view.getComputedStyle(at);
      if (backgroundImage !== "none") return false;
      if (!isClear(backgroundColor)) return backgroundColor === ink;
    }
    return /^rgb\(255, 255, 255\)$/.test(ink) && !this.view.matchMedia("(prefers-color-scheme: dark)").matches;
  }

  /** It, or something around it, lets nothing larger than a dot be seen. */
  private isCutOff(element: Element): boolean {
    const known = this.cut.get(element);
    if (known !== undefined) return known;
    const style = this.view.getComputedStyle(element);
    const { width, height } = Element.prototype.getBoundingClientRect.call(element);
    const clips = style.overflow !== "visible" && style.display !== "inline" && style.display !== "contents";
    const clipped = /^rect\((0px|1px|auto)[, ]/.test(style.clip) || /^inset\((50|100)%/.test(style.clipPath);
    const around = parentOf(element);
    const cut = clipped || (clips && (width <= 1 || height <= 1)) || (around !== null && this.isCutOff(around));
    this.cut.set(element, cut);
    return cut;
  }

  private isOnPage(text: Text): boolean {
    const range = new Range();
    range.selectNodeContents(text);
    const { right, bottom, width, height } = range.getBoundingClientRect();
    return width > 0 && height > 0 && right + this.view.scrollX > 0 && bottom + this.view.scrollY > 0;
  }
}

/** Tell whether an element is in the closed part of a <details>. */
function isFolded(element: Element): boolean {
  const fold = closest(element, "details:not([open])");
  return fold !== null && !closest(element, "summary") && isShown(fold);
}

function isShown(element: Element, asked?: CheckVisibilityOptions): boolean {
  return Element.prototype.checkVisibility.call(element, asked);
}

function isClear(colour: string): boolean {
  return colour === "transparent" || /^rgba\(.*, 0\)$/.test(colour);
}
