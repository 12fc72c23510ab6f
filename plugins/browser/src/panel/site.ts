/** The page beside the panel. Which one it is, the browser tells only after the owner has let the extension see it. */

/** A page that the extension may see. `origin` is what a release to it is recorded under. */
export interface Page {
  readonly tab: number;
  readonly url: string;
  readonly origin: string;
  readonly host: string;
  readonly title: string;
}

/** Return the page beside the panel, undefined where it may not be seen or is none of the web. */
export async function pageBeside(): Promise<Page | undefined> {
  const asked = new URLSearchParams(location.search).get("tab"); // a panel in a tab of its own says which one it is beside
  const [tab] =
    asked === null
      ? await chrome.tabs.query({ active: true, currentWindow: true })
      : [await chrome.tabs.get(Number(asked))];
  const url = URL.parse(tab?.url ?? "");
  if (tab?.id === undefined || url === null || !/^https?:$/.test(url.protocol)) return undefined;
  return { tab: tab.id, url: url.href, origin: url.origin, host: url.host, title: tab.title ?? "" };
}

/** Tell when the page beside is another one. What other tabs do is passed over: it must not disturb what is shown. */
export async function whenPageChanges(call: () => void): Promise<void> {
  const name = async () => {
    const page = await pageBeside();
    return page ? `${page.tab} ${page.url}` : "";
  };
  let last = await name();
  const look = async () => {
    const now = await name();
    if (now === last) return;
    last = now;
    call();
  };
  chrome.tabs.onActivated.addListener(() => void look());
  chrome.tabs.onUpdated.addListener(() => void look());
}

/** Run a function in the page. Asks the owner for the site where the browser wants that; undefined where it may not. */
export async function runIn<A extends unknown[], T>(
  page: Page,
  func: (...args: A) => T | Promise<T>,
  args: A,
): Promise<T | undefined> {
  return inPage(page, async () => {
    const [done] = await chrome.scripting.executeScript({ target: { tabId: page.tab }, func, args });
    return done?.result as T | undefined;
  });
}

/** Put one of our own scripts into the page, then run a function there that uses what it offers. */
export async function runWith<A extends unknown[], T>(
  page: Page,
  file: string,
  func: (...args: A) => T,
  args: A,
): Promise<T | undefined> {
  return inPage(page, async () => {
    await chrome.scripting.executeScript({ target: { tabId: page.tab }, files: [file] });
    const [done] = await chrome.scripting.executeScript({ target: { tabId: page.tab }, func, args });
    return done?.result as T | undefined;
  });
}

async function inPage<T>(page: Page, work: () => Promise<T | undefined>): Promise<T | undefined> {
  try {
    return await work();
  } catch {
    // The permission that came with the click on the button has ended: for this site it can be given for good.
    if (!(await chrome.permissions.request({ origins: [`${page.origin}/*`] }).catch(() => false))) return undefined;
    return work();
  }
}
