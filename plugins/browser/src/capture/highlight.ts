/** What the owner had selected when they saved a page stays marked in it. */

/** Put <mark> around the text of ranges. The document of the ranges is changed. */
export function mark(ranges: readonly Range[]): void {
  for (const text of ranges.flatMap(textsOf)) {
    const around = text.ownerDocument.createElement("mark");
    text.replaceWith(around);
    around.append(text);
  }
}

/** Return the texts of a range, split so that each lies wholly within it. */
function textsOf(range: Range): Text[] {
  const root = range.commonAncestorContainer;
  const page = root.ownerDocument ?? (root as Document);
  const walker = page.createTreeWalker(root, NodeFilter.SHOW_TEXT);
  const found: Text[] = [];
  const { startContainer, startOffset, endContainer, endOffset } = range;
  if (root instanceof Text) return [cut(root, startOffset, endOffset)];
  while (walker.nextNode()) {
    const text = walker.currentNode as Text;
    if (text.data.trim() !== "" && range.intersectsNode(text)) found.push(text);
  }
  return found
    .map((text) =>
      cut(text, text === startContainer ? startOffset : 0, text === endContainer ? endOffset : text.length),
    )
    .filter((text) => text.data.trim() !== "");
}

function cut(text: Text, start: number, end: number): Text {
  if (end < text.length) text.splitText(end);
  return start > 0 ? text.splitText(start) : text;
}
