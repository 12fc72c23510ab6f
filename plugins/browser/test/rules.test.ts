/** The rules: what is never saved by itself, and that the owner has the last word where there is one. */

import assert from "node:assert/strict";
import { test } from "node:test";
import { categoryOf, judge, type SiteRule, siteOf } from "../src/rules";

const verdict = (url: string, ...rules: SiteRule[]) => judge(url, rules).rule;

test("an ordinary page is saved at a click", () => {
  assert.equal(verdict("https://www.example.org/a?b=c"), "allow");
  assert.equal(verdict("http://xn--fsqu00a.test/"), "allow");
});

test("each category has its sites", () => {
  for (const [site, category] of [
    ["paypal.com", "bank"],
    ["my.paypal.com", "bank"],
    ["meine.sparkasse-koeln.de", "bank"],
    ["commerzbank.de", "bank"],
    ["online-banking.example.com", "bank"],
    ["mychart.hospital.example", "health"],
    ["uniklinikum.de", "health"],
    ["mail.google.com", "mail"],
    ["webmail.example.org", "mail"],
    ["intranet.example.com", "intranet"],
    ["fritz.box", "intranet"],
    ["printer", "intranet"],
    ["127.0.0.1", "intranet"],
    ["10.1.2.3", "intranet"],
    ["172.31.0.1", "intranet"],
    ["192.168.178.1", "intranet"],
    ["[::1]", "intranet"],
    ["wiki.home.arpa", "intranet"],
  ] as const)
    assert.equal(categoryOf(site), category, site);
});

test("a word in another word, and a public address, are no category", () => {
  for (const site of ["riverbanks.org", "hotmailer.test", "172.32.0.1", "9.9.9.9", "bankside.test"])
    assert.equal(categoryOf(site), undefined, site);
});

test("the owner's rule stands above the category, the closer one above the wider", () => {
  const allow: SiteRule = { site: "paypal.com", rule: "allow" };
  assert.equal(verdict("https://paypal.com/"), "never");
  assert.equal(verdict("https://www.paypal.com/", allow), "allow");
  assert.equal(verdict("https://a.b.paypal.com/", allow, { site: "b.paypal.com", rule: "ask" }), "ask");
  assert.equal(verdict("https://notpaypal.com/", { site: "paypal.com", rule: "never" }), "allow");
});

test("what is no web page, and the vault itself, can never be saved", () => {
  const all: SiteRule[] = [
    { site: "vault.localhost", rule: "allow" },
    { site: "", rule: "allow" },
  ];
  for (const url of [
    "chrome://settings",
    "about:blank",
    "file:///etc/passwd",
    "javascript:1",
    "data:text/html,x",
    "no address",
    "moz-extension://x/popup.html",
    "http://vault.localhost:7117/console/",
  ]) {
    const said = judge(url, all);
    assert.equal(said.rule, "never", url);
    assert.ok(said.fixed, url);
  }
});

test("a site is named without www, case or final dot", () => {
  assert.equal(siteOf("WWW.Example.ORG."), "example.org");
  assert.equal(verdict("https://PAYPAL.com./"), "never");
});

test("every refusal says why", () => {
  for (const url of ["https://paypal.com", "https://webmail.test", "http://10.0.0.1", "about:blank"])
    assert.ok(judge(url, []).why.length > 10, url);
});
