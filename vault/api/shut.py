"""The page that a person's browser is shown while no worker answers: plain words, standard library alone.

It loads nothing, for nobody would serve it: its style and its script stand in it, and the policy names them by their
hash. The script asks every two seconds whether the vault is unlocked, and then goes on to what was asked for.
"""

from __future__ import annotations

from base64 import b64encode
from hashlib import sha256
from html import escape

from vault.errors import VaultError

_STYLE = (
    ":root{color-scheme:light dark}h1{font-size:1.5rem}code{font-family:ui-monospace,monospace}"
    "body{font:100%/1.5 system-ui,sans-serif;background:light-dark(#f7f6f2,#121416);color:light-dark(#1b1c1a,#e9e8e4)}"
    "main{max-width:34rem;margin:12vh auto;padding:0 1.5rem}"
)
_SCRIPT = (
    'setInterval(async()=>{const said=await fetch("/healthz").then((one)=>one.json()).catch(()=>({}));'
    'if(["loading","unlocked"].includes(said.state))location.replace(location.href)},2000)'
)


def _hash(text: str) -> str:
    return f"'sha256-{b64encode(sha256(text.encode()).digest()).decode()}'"


POLICY = (
    f"default-src 'none'; style-src {_hash(_STYLE)}; script-src {_hash(_SCRIPT)}; connect-src 'self'; img-src data:; "
    "frame-ancestors 'none'; base-uri 'none'; form-action 'none'"
)


def page(error: VaultError) -> bytes:
    """Return the page that tells a person why nothing is shown."""
    return f"""<!doctype html>
<html lang="en"><head><meta charset="utf-8"><meta name="viewport" content="width=device-width, initial-scale=1">
<title>Locked · ownvault</title><link rel="icon" href="data:,">
<style>{_STYLE}</style><script>{_SCRIPT}</script></head><body><main>
<h1>{escape(error.message[:1].upper() + error.message[1:])}</h1>
<p>{_marked(error.hint)}</p>
<p>Its key is in no process now, so there is nothing to show. Unlocked, this page goes on by itself;
without scripts, load it again.</p>
</main></body></html>
""".encode()


def _marked(hint: str) -> str:
    """Return a hint with the command at its end set apart."""
    words, colon, command = hint.partition(": ")
    return f"{escape(words)}: <code>{escape(command)}</code>" if colon else escape(hint)
