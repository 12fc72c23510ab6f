"""Passkeys in a real browser with its virtual authenticator: made, used for an approval, kept in the log, forged."""

from __future__ import annotations

import hashlib
import json
from typing import TYPE_CHECKING, Any
from urllib.parse import urlencode

import pytest
from fido2.webauthn import AttestedCredentialData, AuthenticatorData, CollectedClientData
from playwright.sync_api import expect

from tests.e2e.axe import violations
from tests.e2e.browser import Box
from tests.support import PASSPHRASE
from vault.errors import ApprovalRequired
from vault.permissions.passkeys import from_base64url
from vault.types import AddRequest, Approval, AuditRequest, Draft, Filter, GrantRequest, Holder, SearchRequest
from vault.types import Sensitivity as Level

if TYPE_CHECKING:
    from playwright.sync_api import Page

SECRET = PASSPHRASE.decode()
DEVICE = {
    "protocol": "ctap2", "transport": "internal", "hasResidentKey": True, "hasUserVerification": True,
    "isUserVerified": True, "automaticPresenceSimulation": True,
}  # fmt: skip


class Desk:
    """A box with something sensitive in it, an assistant that must ask, and the owner's browser with a passkey."""

    def __init__(self, box: Box) -> None:
        self.box, self.page = box, box.page()
        drafts = tuple(Draft(f"d{n}", f"boat {n}", sensitivity=Level.SENSITIVE) for n in range(2))
        box.vault.add(box.owner, AddRequest("health", drafts, "passkeys"))
        wish = GrantRequest(
            "claude", filter=Filter(collections=("health",), sensitivity="sensitive"), approval=Approval.EACH
        )
        self.claude = Holder(box.vault.grant(box.owner, wish).token)
        self.device = self.page.context.new_cdp_session(self.page)
        self.device.send("WebAuthn.enable")
        self.authenticator = self.device.send("WebAuthn.addVirtualAuthenticator", {"options": DEVICE})

    def make(self, name: str = "laptop") -> None:
        self.box.go(self.page, "/settings/passkeys")
        self.page.get_by_label("What you call it").fill(name)
        self.page.locator("#passphrase").fill(SECRET)
        self.page.get_by_role("button", name="Make it").click()
        expect(self.page.get_by_role("status").first).to_contain_text("The passkey is kept")

    def waiting(self) -> str:
        with pytest.raises(ApprovalRequired) as waits:
            self.box.vault.search(self.claude, SearchRequest("boat"))
        return waits.value.request

    def hits(self) -> int:
        return len(self.box.vault.search(self.claude, SearchRequest("boat")).hits)


@pytest.fixture(scope="module")
def desk(console: Box) -> Desk:
    made = Desk(console)
    made.make()
    return made


def approving(desk: Desk, id: str) -> None:
    desk.box.go(desk.page, f"/requests/{id}")
    desk.page.get_by_role("button", name="Approve with your passkey").click()


def test_a_passkey_approves_and_the_log_proves_what(desk: Desk) -> None:
    id = desk.waiting()
    approving(desk, id)
    expect(desk.page.get_by_role("heading", name="Approved")).to_be_visible()
    assert desk.hits() == 2
    entries = [one.entry for one in desk.box.vault.audit(desk.box.owner, AuditRequest(100)).entries]
    (said,) = [one.detail["assent"] for one in entries if one.detail.get("approved") == id]
    (kept,) = [one.detail for one in entries if one.detail.get("change") == "add_passkey"]
    statement = json.loads(said["statement"])
    assert statement["request"] == id and statement["chosen"]["lasting"] == "once" and len(statement["records"]) == 2
    # anybody with the two entries can check it, without the vault
    told, data = CollectedClientData(from_base64url(said["client_data"])), from_base64url(said["authenticator_data"])
    assert told.challenge == hashlib.sha256(b"ownvault/v1/assent\0" + said["statement"].encode()).digest()
    assert told.origin == desk.box.address and AuthenticatorData(data).is_user_verified()
    key = AttestedCredentialData(from_base64url(kept["key"])).public_key
    key.verify(data + told.hash, from_base64url(said["signature"]))


def test_what_was_signed_holds_for_nothing_else(desk: Desk) -> None:
    """The form is changed between the signature and its arrival: for longer, for another request."""
    first = desk.waiting()
    signed = _signed(desk, first)
    with pytest.raises(ApprovalRequired):
        desk.hits()
    desk.box.go(desk.page, f"/requests/{first}")
    answer = _post(desk.page, f"/requests/{first}", signed.replace("lasting=once", "lasting=1d"))
    assert answer["status"] == 403 and "did not sign this" in answer["text"]
    with pytest.raises(ApprovalRequired):
        desk.hits()
    assert _post(desk.page, f"/requests/{first}", signed)["status"] == 200
    assert desk.hits() == 2
    second = desk.waiting()
    assert _post(desk.page, f"/requests/{second}", signed)["status"] == 403
    with pytest.raises(ApprovalRequired):
        desk.hits()


def _signed(desk: Desk, id: str) -> str:
    """Return the form of an approval that a passkey signed, and let it not arrive."""
    place = f"**/requests/{id}"
    desk.box.go(desk.page, f"/requests/{id}")
    desk.page.route(place, lambda route: route.fulfill(body="held", content_type="text/html"))
    with desk.page.expect_request(place) as sent:
        desk.page.get_by_role("button", name="Approve with your passkey").click()
    expect(desk.page.get_by_text("held")).to_be_visible()
    desk.page.unroute(place)
    form = sent.value.post_data
    assert form is not None
    return form


def _post(page: Page, path: str, body: str) -> dict[str, Any]:
    """Send a form as our own script does."""
    done: dict[str, Any] = page.evaluate(
        """async ([path, body]) => {
          const said = (name) => document.querySelector(`meta[name="vault-${name}"]`).content;
          const answer = await fetch(said("place") + path, {method: "POST", body: new URLSearchParams(body),
            headers: {"X-Vault-Page": said("page")}});
          return {status: answer.status, text: await answer.text()};
        }""", [path, body],
    )  # fmt: skip
    return done


@pytest.mark.parametrize("assertion", ["{}", "[]", "x", "null", '{"id": 1}', '{"response": {}}', "[" * 9000])
def test_an_assertion_that_is_none_approves_nothing(desk: Desk, assertion: str) -> None:
    id = desk.waiting()
    desk.box.go(desk.page, f"/requests/{id}")
    answer = _post(desk.page, f"/requests/{id}", urlencode({"verdict": "approve", "assertion": assertion}))
    assert answer["status"] in (400, 403), answer
    with pytest.raises(ApprovalRequired):
        desk.hits()


def test_without_a_person_at_the_device_nothing_is_signed(desk: Desk) -> None:
    id = desk.waiting()
    device = {"authenticatorId": desk.authenticator["authenticatorId"]}
    desk.device.send("WebAuthn.setUserVerified", device | {"isUserVerified": False})
    approving(desk, id)
    expect(desk.page.locator("#trouble")).to_be_visible()
    desk.device.send("WebAuthn.setUserVerified", device | {"isUserVerified": True})
    with pytest.raises(ApprovalRequired):
        desk.hits()


def test_a_passkey_takes_the_passphrase_to_make_and_to_remove(desk: Desk) -> None:
    desk.box.go(desk.page, "/settings/passkeys")
    assert violations(desk.page) == []
    desk.page.emulate_media(color_scheme="light", forced_colors="none")
    desk.page.get_by_label("What you call it").fill("another")
    desk.page.locator("#passphrase").fill(SECRET)
    desk.page.get_by_role("button", name="Make it").click()
    expect(desk.page.get_by_role("alert").filter(has_text="registered already")).to_be_visible()
    for passphrase in ("wrong", SECRET):
        desk.page.locator("summary").click()
        desk.page.locator("#p-1").fill(passphrase)
        desk.page.get_by_role("button", name="Remove it").click()
        if passphrase == "wrong":
            expect(desk.page.get_by_role("alert").filter(has_text="passphrase")).to_be_visible()
    expect(desk.page.get_by_text("There is none yet.")).to_be_visible()
    id = desk.waiting()
    desk.box.go(desk.page, f"/requests/{id}")
    expect(desk.page.get_by_role("button", name="Approve", exact=True)).to_be_visible()
    expect(desk.page.get_by_role("button", name="Approve with your passkey")).to_have_count(0)
