// What every page of the console does once a browser has it. Others import from here: `part`, `swap`, `send`.

const said = (name) => document.querySelector(`meta[name="vault-${name}"]`)?.content ?? "";

/** The page's own secret, which our server asks of every part, and this page of every element that htmx acts for. */
export const page = said("page");

/** Where this browser's pages stand: `${place}/clients`. */
export const place = said("place");

// What landing.js finds when this browser comes again: the way in, and the word by which the server knows it.
for (const name of ["place", "knock"]) if (said(name)) localStorage.setItem(name, said(name));

/** The one way by which text becomes markup here: it is our server's own, which escapes what comes from data. */
const policy = globalThis.trustedTypes?.createPolicy("vault", { createHTML: (text) => text }) ?? { createHTML: (text) => text };

const told = (options) => ({ ...options, credentials: "same-origin", headers: { ...options.headers, "X-Vault-Page": page } });

/** Get a part of the console: `await part("/log/chart?days=30")` is a Response. */
export const part = (path, options = {}) => fetch(place + path, told(options));

/** Send a form to the console, or with a Blob the bytes of a file; a Response, of which a redirect was followed. */
export const send = (path, body) =>
  body instanceof Blob
    ? part(path, { method: "POST", body, headers: { "Content-Type": "application/octet-stream" } })
    : part(path, { method: "POST", body: new URLSearchParams(body) });

/** Put a part of the console into an element, and return whether it came; `options` are those of `part`. */
export const swap = async (element, path, options = {}) => {
  const answer = await part(path, options).catch(() => null);
  if (answer?.ok) element.innerHTML = policy.createHTML(await answer.text());
  return Boolean(answer?.ok);
};

// htmx acts only for elements that carry the page's secret as `hx-nonce`: no text that slipped into a page knows it.
// It runs no script out of an attribute, and tells the secret with every request.
const refused = function () {
  throw new Error("the console runs no script out of an attribute");
};

globalThis.htmx?.registerExtension("vault", {
  init: (api) => api.initSecurity(policy, refused, refused),
  htmx_before_init: (element) => ours(element),
  htmx_config_request: (element, { ctx }) => {
    if (!ours(element)) return false;
    ctx.request.headers["X-Vault-Page"] = page;
  },
});

function ours(element) {
  if (element.getAttribute("hx-nonce") === page && page) return true;
  for (const { name } of [...element.attributes]) if (/^(data-)?hx-/.test(name)) element.removeAttribute(name);
  return false;
}

// ---------------------------------------------------------------- what happens while the page is open

const SEEN = 2000, HIDDEN = 10000;
const title = document.title;

/** Tell the page what happened: `news` is heard at the body, with the kinds of it; the frame shows how many requests wait. */
function tell({ kinds, waiting }) {
  if (waiting !== undefined) {
    document.title = waiting ? `(${waiting}) ${title}` : title;
    for (const badge of document.querySelectorAll("[data-waiting]")) {
      badge.hidden = !waiting;
      badge.textContent = waiting;
      badge.title = `${waiting} waiting`;
    }
  }
  if (kinds.length) document.body.dispatchEvent(new CustomEvent("news", { detail: kinds }));
}

/** Ask again and again. A page whose session is over, or whose vault is locked, shows that instead of what it showed. */
async function listen() {
  let after = "";
  for (;;) {
    const answer = await part(`/news${after && `?after=${after}`}`).catch(() => null);
    const away = document.getElementById("away");
    if (away) away.hidden = answer !== null;
    if (answer && [401, 403, 503].includes(answer.status)) return location.replace(location.href);
    if (answer?.status === 200) {
      const news = await answer.json();
      after = news.position;
      tell(news);
    }
    await new Promise((wake) => setTimeout(wake, document.hidden ? HIDDEN : SEEN));
  }
}

if (place) listen();
