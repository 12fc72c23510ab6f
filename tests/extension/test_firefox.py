"""The same in Firefox: install, pair, save, wait for a locked vault, unpair. One browser for one story."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.extension.browser import PAGES, Sites
from tests.extension.firefox import ORIGIN, Firefox, firefox
from tests.extension.house import RIGHTS, House


@pytest.fixture
def fox(built: Path, tmp_path: Path) -> Iterator[Firefox]:
    with firefox(tmp_path, built / "firefox") as running:
        yield running


def press(fox: Firefox, tab: str, name: str) -> None:
    """Press the button with this name, once it can be."""
    fox.until(
        tab,
        f"""(() => {{
          const found = [...document.querySelectorAll("button")].find((one) => one.textContent === {name!r});
          if (!found || found.disabled || !found.checkVisibility()) return null;
          found.click();
          return true;
        }})()""",
    )


def popup(fox: Firefox, host: str) -> str:
    """Open the popup as it shows for the tab of a site."""
    settings = fox.extension("settings.html")
    tab = fox.run(settings, f"chrome.tabs.query({{url: '*://{host}/*'}}).then((found) => found.at(-1).id)")
    return fox.extension(f"popup.html?tab={tab}")


def said(fox: Firefox, tab: str, part: str) -> str:
    """Wait until the notice says something with this in it, and return all of it."""
    return str(fox.until(tab, f"(({part!r}, document.getElementById('notice')).textContent.includes({part!r}) && "
                              "document.getElementById('notice').textContent)"))  # fmt: skip


def test_from_a_stranger_to_a_saved_page_and_back(house: House, fox: Firefox, web: Sites) -> None:
    # pair
    asking = fox.extension("popup.html")
    fox.run(asking, f"(document.getElementById('address').value = '{house.server.address}', true)")
    press(fox, asking, "Pair with my vault")
    words = fox.until(
        asking, "(all => all.length && all)([...document.querySelectorAll('#words li')].map((one) => one.textContent))"
    )
    (waiting,) = house.vault.browsers(house.owner).waiting
    assert (list(waiting.words), waiting.origin, waiting.name) == (words, ORIGIN, "Firefox on Linux")
    house.vault.pair_browser(house.owner, waiting.id, RIGHTS)
    fox.until(asking, "document.getElementById('standing').dataset.standing === 'open'")

    # save, also what is not seen and what is not Latin
    for name in ("news", "hidden", "japanese"):
        fox.open(web.url(name))
        tab = popup(fox, f"{name}.test")
        press(fox, tab, "Save page")
        assert said(fox, tab, "Saved to web.").startswith("Saved to web. No assistant can see it.")
        (record,) = [one for one in house.records() if one.url == web.url(name)]
        assert record.text.replace(f":{web.port}/", ":4711/") == (PAGES / f"{name}.txt").read_text("utf-8").rstrip("\n")

    # a locked vault is waited for
    with house.locked():
        fox.open(web.url("news") + "?locked")
        tab = popup(fox, "news.test")
        press(fox, tab, "Save page")
        assert "Kept here: Your vault is locked." in said(fox, tab, "Kept here")
    tab = popup(fox, "news.test")
    fox.until(tab, "document.getElementById('waiting-part').hidden")
    assert [one.version for one in house.records() if one.url.endswith("?locked")] == [1]

    # the key stays where it is
    tried = """(async () => {
      const open = indexedDB.open("ownvault");
      await new Promise((done) => { open.onsuccess = done; });
      const asked = open.result.transaction("pairing").objectStore("pairing").get("this");
      await new Promise((done) => { asked.onsuccess = done; });
      return crypto.subtle.exportKey("jwk", asked.result.key.privateKey).then(() => "read", (one) => one.name);
    })()"""
    assert fox.run(tab, tried) == "InvalidAccessError"

    # unpair
    settings = fox.extension("settings.html")
    press(fox, settings, "Unpair this browser")
    press(fox, settings, "Unpair now")
    assert "Unpaired." in said(fox, settings, "Unpaired.")
    assert all(one.ended for one in house.vault.browsers(house.owner).browsers)
