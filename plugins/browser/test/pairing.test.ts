/** What an address and a browser are called. */

import assert from "node:assert/strict";
import { test } from "node:test";
import { browserName, loopback } from "../src/pairing";

test("an address is this computer's, however it is typed", () => {
  for (const typed of [
    "7118",
    "127.0.0.1:7118",
    "http://127.0.0.1:7118",
    " http://localhost:7118/ ",
    "http://vault.localhost:7118/console",
  ])
    assert.equal(loopback(typed), "http://127.0.0.1:7118", typed);
  assert.equal(loopback("http://127.0.0.1"), "http://127.0.0.1:80");
});

test("no other address is taken", () => {
  for (const typed of [
    "",
    "example.org",
    "http://127.0.0.1.example.org:7117",
    "https://127.0.0.1:7117",
    "http://0.0.0.0:7117",
    "http://192.168.0.1:7117",
    "http://localhost.example:1",
    "file:///x",
    "javascript:1",
    "http://[::1]:7117",
  ])
    assert.throws(() => loopback(typed), { code: "address" }, typed);
});

test("a browser is called as its owner would", () => {
  const chromium =
    "Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/156.0.0.0 Safari/537.36";
  assert.equal(browserName(chromium), "Chromium on Linux");
  assert.equal(browserName(`${chromium.replace("X11; Linux x86_64", "Windows NT 10.0")} Edg/156`), "Edge on Windows");
  assert.equal(
    browserName("Mozilla/5.0 (Macintosh; Intel Mac OS X 10.15; rv:153.0) Gecko/20100101 Firefox/153.0"),
    "Firefox on macOS",
  );
  assert.equal(browserName(""), "Browser on this computer");
});
