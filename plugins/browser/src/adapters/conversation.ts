/**
 * What is put into a chat page, on a click and for one capture, to read the conversation. Bundled on its own.
 *
 * It runs in the extension's isolated world, over a copy from which text that nobody sees is gone.
 */

import { markdown } from "../capture/markdown";
import { copyVisible } from "../capture/visible";
import { type Conversation, readConversation } from "./engine";
import { readPack } from "./pack";

/** Read the page by a pack. Throws BadPack for one that is none. */
function conversation(pack: unknown): Conversation {
  const { page } = copyVisible(document);
  return readConversation(page, location.href, readPack(pack), markdown);
}

Object.assign(globalThis, { ownvaultChat: { conversation } });
