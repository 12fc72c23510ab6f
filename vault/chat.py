"""Speaking with one language model, over the chat interface that most servers of models have.

Source: the OpenAI API reference, "Create chat completion", streaming; Ollama, llama.cpp and vLLM speak the same.
A stranger's server is not trusted: what it sends is bounded, in size and in time, and it can redirect us nowhere.
"""

from __future__ import annotations

import json
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

from vault.errors import ProviderFailed
from vault.legible import legible
from vault.types import Brief

if TYPE_CHECKING:
    from httpx2 import Response

CONNECT_SECONDS, SIGN_SECONDS, WHOLE_SECONDS = 10.0, 180.0, 1800.0
"""For the connection; between two signs of life, for a model may have to be loaded; for the answer as a whole."""
ANSWER = 200_000
"""Characters of an answer, beyond which it is broken off."""
LINE, LINES = 1_000_000, 200_000
"""Bytes of one event, and events of one answer."""
WHOLE = 40 * ANSWER
"""Bytes of an answer with all that is around its characters."""
TOLD = 160
"""Characters of a provider's own error that its owner is told."""


def speak(brief: Brief) -> Iterator[str]:
    """Send a prompt and yield the answer piece by piece. Raises ProviderFailed, whose `reason` says how it failed:

    `unreachable`, `slow`, `failed`, `refused`, `other_model`, `broken_off` or `empty`.
    """
    said = False
    with _asked(brief) as response:
        for event in _events(response):
            for piece in _pieces(event, brief):
                said = said or bool(piece.strip())
                yield piece
    if not said:
        raise ProviderFailed(f"{brief.provider} answered nothing", reason="empty")


@contextmanager
def _asked(brief: Brief) -> Iterator[Response]:
    import httpx2  # deferred: start-up time

    body = {
        "model": brief.model, "stream": True, "temperature": 0,
        "messages": [{"role": one.role, "content": one.content} for one in brief.messages],
    }  # fmt: skip
    headers = {"Accept-Encoding": "identity"} | ({"Authorization": f"Bearer {brief.key}"} if brief.key else {})
    patience = httpx2.Timeout(SIGN_SECONDS, connect=CONNECT_SECONDS)
    try:
        # No proxy of the environment, no redirect: the records go to the address that the owner gave, or nowhere.
        with (
            httpx2.Client(timeout=patience, trust_env=False, follow_redirects=False) as client,
            client.stream("POST", f"{brief.url}/chat/completions", json=body, headers=headers) as response,
        ):
            if response.status_code != 200:
                raise ProviderFailed(
                    f"{brief.provider} answered {response.status_code}{_why(response)}", reason="failed"
                )
            yield response
    except httpx2.TimeoutException:
        raise ProviderFailed(f"{brief.provider} took too long", reason="slow") from None
    except httpx2.ConnectError:
        raise ProviderFailed(f"{brief.provider} does not answer at {brief.url}", reason="unreachable") from None
    except (httpx2.HTTPError, httpx2.InvalidURL) as error:
        raise ProviderFailed(f"{brief.provider} broke off ({type(error).__name__})", reason="broken_off") from None


def _why(response: Response) -> str:
    """Return what the provider says of its refusal, short and harmless."""
    try:
        said = json.loads(b"".join(_parts(response, LINE)))["error"]
        text = str(said["message"] if isinstance(said, dict) else said)
    except (ProviderFailed, ValueError, KeyError, TypeError, RecursionError):
        return ""
    return f": {' '.join(legible(text).split())[:TOLD]}"


def _events(response: Response) -> Iterator[dict[str, Any]]:
    """Yield the events of the answer; of a server that does not stream, the whole as one."""
    if response.headers.get("content-type", "").startswith("application/json"):
        yield _object(b"".join(_parts(response, WHOLE)).decode("utf-8", "replace"))
        return
    for number, line in enumerate(_lines(response)):
        if number > LINES:
            raise ProviderFailed("the answer does not end", reason="broken_off")
        if not line.startswith("data:"):
            continue
        data = line[5:].strip()
        if data == "[DONE]":
            return
        yield _object(data)
    raise ProviderFailed("the answer broke off", reason="broken_off")


def _parts(response: Response, most: int) -> Iterator[bytes]:
    """Yield what comes, as it comes: nothing is unpacked, for a little can become any amount. ProviderFailed for more
    than `most` bytes, or when it takes too long as a whole."""
    until, size = time.monotonic() + WHOLE_SECONDS, 0
    for part in response.iter_raw():
        size += len(part)
        if size > most:
            raise ProviderFailed("the answer does not end", reason="broken_off")
        if time.monotonic() >= until:
            raise ProviderFailed("the answer took too long", reason="slow")
        yield part


def _lines(response: Response) -> Iterator[str]:
    rest = bytearray()
    for part in _parts(response, WHOLE):
        rest += part
        if b"\n" in part:
            *whole, rest = rest.split(b"\n")
            yield from (line.decode("utf-8", "replace").rstrip("\r") for line in whole)
        if len(rest) > LINE:
            raise ProviderFailed("the answer is no chat", reason="failed")
    yield rest.decode("utf-8", "replace")


def _object(text: str) -> dict[str, Any]:
    try:
        said = json.loads(text)
    except (ValueError, RecursionError):
        said = None
    if not isinstance(said, dict):
        raise ProviderFailed("the answer is no chat", reason="failed")
    return said


def _pieces(event: dict[str, Any], brief: Brief) -> Iterator[str]:
    """Yield the text of one event. Raises ProviderFailed when the model says no, or is another one than was asked."""
    if event.get("error"):
        raise ProviderFailed(f"{brief.provider} failed in the middle of its answer", reason="failed")
    model = event.get("model")
    if isinstance(model, str) and model and not _same(model, brief.model):
        name = " ".join(legible(model).split())[:TOLD]
        raise ProviderFailed(f"{brief.provider} answered with another model: {name}", reason="other_model")
    choices = event.get("choices")
    choice = choices[0] if isinstance(choices, list) and choices and isinstance(choices[0], dict) else {}
    part = choice.get("delta") or choice.get("message") or {}
    if not isinstance(part, dict):
        raise ProviderFailed("the answer is no chat", reason="failed")
    if part.get("refusal") or choice.get("finish_reason") == "content_filter":
        raise ProviderFailed(f"{brief.provider} refused to answer", reason="refused")
    if isinstance(text := part.get("content"), str) and text:
        yield text


def _same(answered: str, asked: str) -> bool:
    """Say whether a model that answers is the one asked for: `m` may be called `m-2026-01-01`, `m:latest`, `org/m`."""
    told, wanted = answered.lower().rsplit("/", 1)[-1], asked.lower().rsplit("/", 1)[-1]
    for one in (told, wanted):
        if one.endswith(".gguf"):
            return True  # a file's name, which llama.cpp tells whatever was asked for
    return told.startswith(wanted) or wanted.startswith(told)
