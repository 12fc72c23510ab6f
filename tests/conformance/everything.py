"""The server that the conformance suite wants to see: the vault's own `/mcp`, with the suite's fixtures in it as well.

    python -m tests.conformance.everything DIRECTORY      prints {"port", "token"}, ends with its stdin

Guard, transport, both eras and the way of every answer are the vault's; the fixtures are what a vault has no use for:
images, audio, prompts, completion, questions to the person. They exist in this file only.
"""

from __future__ import annotations

import asyncio
import base64
import json
import socket
import sys
import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import mcp_types as mcp
from mcp.server.lowlevel import Server
from mcp.shared.exceptions import MCPError

from tests.support import FLOOR_KIB, PASSPHRASE, HashingEncoder, fill
from vault.api import guard, listener, rest
from vault.api.app import App
from vault.api.attempts import Attempts
from vault.api.mcp import Endpoint
from vault.config import Config
from vault.service import Vault
from vault.types import Action, Filter, GrantRequest, Holder

PNG = base64.b64encode(
    bytes.fromhex(
        "89504e470d0a1a0a0000000d4948445200000001000000010802000000907753de0000000c49444154789c63f8cfc000000301010"
        "0c9fe92ef0000000049454e44ae426082"
    )
).decode()
WAV = base64.b64encode(
    b"RIFF&\0\0\0WAVEfmt \x10\0\0\0\1\0\1\0@\x1f\0\0@\x1f\0\0\1\0\x08\0data\2\0\0\0\x80\x80"
).decode()


def text(said: str) -> mcp.TextContent:
    return mcp.TextContent(type="text", text=said)


def resource(uri: str, said: str, kind: str = "text/plain") -> mcp.EmbeddedResource:
    return mcp.EmbeddedResource(
        type="resource", resource=mcp.TextResourceContents(uri=uri, mime_type=kind, text=said)
    )  # fmt: skip


IMAGE = mcp.ImageContent(type="image", data=PNG, mime_type="image/png")
CONTENT: dict[str, list[Any]] = {
    "test_simple_text": [text("This is a simple text response for testing.")],
    "test_image_content": [IMAGE],
    "test_audio_content": [mcp.AudioContent(type="audio", data=WAV, mime_type="audio/wav")],
    "test_embedded_resource": [resource("test://embedded-resource", "This is an embedded resource content.")],
    "test_multiple_content_types": [
        text("Multiple content types test:"), IMAGE,
        resource("test://mixed-content-resource", '{"test":"data","value":123}', "application/json"),
    ],
    "test_logging_tool": [text("nothing is logged")],
    "test_tool_with_logging": [text("nothing is logged")],
}  # fmt: skip


# ---------------------------------------------------------------- questions to the person, by rounds


def form(message: str, name: str, kind: str = "string") -> mcp.ElicitRequest:
    schema = {"type": "object", "properties": {name: {"type": kind}}, "required": [name]}
    return mcp.ElicitRequest(params=mcp.ElicitRequestFormParams(message=message, requested_schema=schema))


def sample(question: str, tokens: int) -> mcp.CreateMessageRequest:
    message = mcp.SamplingMessage(role="user", content=text(question))
    return mcp.CreateMessageRequest(params=mcp.CreateMessageRequestParams(messages=[message], max_tokens=tokens))


NAME = form("What is your name?", "name")
CONTEXT = form("What context should the prompt use?", "context")
ROOTS = mcp.ListRootsRequest()
QUESTION = sample("What is the capital of France?", 100)
ROUNDS: dict[str, list[tuple[dict[str, Any], str | None]]] = {
    "test_input_required_result_elicitation": [({"user_name": NAME}, None)],
    "test_input_required_result_sampling": [({"capital_question": QUESTION}, None)],
    "test_input_required_result_list_roots": [({"client_roots": ROOTS}, None)],
    "test_input_required_result_request_state": [({"confirm": form("Please confirm", "ok", "boolean")}, "one")],
    "test_input_required_result_multiple_inputs": [
        ({"user_name": NAME, "greeting": sample("Generate a greeting", 50), "client_roots": ROOTS}, "one"),
    ],
    "test_input_required_result_multi_round": [
        ({"step1": form("Step 1: What is your name?", "name")}, "one"),
        ({"step2": form("Step 2: What is your favorite color?", "color")}, "two"),
    ],
    "test_input_required_result_prompt": [({"user_context": CONTEXT}, None)],
    "test_input_required_result_capabilities": [({"user_name": NAME, "capital_question": QUESTION}, None)],
    "test_streaming_elicitation": [({"user_name": NAME}, None)],
}  # fmt: skip


def asked(context: Any, params: Any) -> mcp.InputRequiredResult | str:
    """Return the next question of a fixture, or what it says when all are answered."""
    rounds, said, able = ROUNDS[params.name], params.input_responses or {}, context.session.client_capabilities
    states = [state for _, state in rounds]
    at = states.index(params.request_state) if params.request_state in states else 0
    for questions, state in rounds[at:]:
        possible = {name: one for name, one in questions.items() if can(able, one)}
        if not possible.keys() <= said.keys():
            return mcp.InputRequiredResult(input_requests=possible, request_state=state)
    return f"state-ok {' '.join(one.model_dump_json() for one in said.values())}"


def can(able: Any, question: Any) -> bool:
    kinds = {mcp.ElicitRequest: "elicitation", mcp.CreateMessageRequest: "sampling", mcp.ListRootsRequest: "roots"}
    return bool(able) and getattr(able, kinds[type(question)]) is not None


# ---------------------------------------------------------------- the server


class Everything(Endpoint):
    """The vault's endpoint, and the fixtures beside its own tools and records."""

    def server(self) -> Server[Any]:
        own = super().server()
        own.add_request_handler("prompts/list", mcp.PaginatedRequestParams, self._prompts)
        own.add_request_handler("prompts/get", mcp.GetPromptRequestParams, self._prompt)
        own.add_request_handler("completion/complete", mcp.CompleteRequestParams, self._complete)
        return own

    async def _list(self, context: Any, _: Any) -> mcp.ListToolsResult:
        listed = await super()._list(context, _)
        names = [*CONTENT, *ROUNDS, "test_error_handling", "test_tool_with_progress", "test_missing_capability"]
        schema = {"type": "object", "properties": {}}
        fixtures = [mcp.Tool(name=name, description="A fixture.", input_schema=schema) for name in names]
        return listed.model_copy(update={"tools": listed.tools + fixtures})

    async def _call(self, context: Any, params: Any) -> Any:
        match params.name:
            case name if name in CONTENT:
                return mcp.CallToolResult(content=CONTENT[name])
            case name if name in ROUNDS:
                said = asked(context, params)
                return mcp.CallToolResult(content=[text(said)]) if isinstance(said, str) else said
            case "test_error_handling":
                failed = text("This tool intentionally returns an error for testing")
                return mcp.CallToolResult(content=[failed], is_error=True)
            case "test_tool_with_progress":
                for done in (0, 50, 100):
                    await context.session.report_progress(done, 100)
                    await asyncio.sleep(0.05)
                return mcp.CallToolResult(content=[text("done")])
            case "test_missing_capability":
                needed = {"requiredCapabilities": {"sampling": {}}}
                raise MCPError(mcp.MISSING_REQUIRED_CLIENT_CAPABILITY, "sampling is needed", needed)
        return await super()._call(context, params)

    async def _list_resources(self, *_: Any) -> mcp.ListResourcesResult:
        about = {"static-text": "text/plain", "static-binary": "image/png"}
        listed = [
            mcp.Resource(uri=f"test://{name}", name=name, description="A fixture.", mime_type=kind)
            for name, kind in about.items()
        ]
        return mcp.ListResourcesResult(resources=listed, ttl_ms=0, cache_scope="private")

    async def _read(self, context: Any, params: Any) -> Any:
        uri = params.uri
        if uri == "test://static-text":
            said = mcp.TextResourceContents(
                uri=uri, mime_type="text/plain", text="This is the content of the static text resource."
            )
            return mcp.ReadResourceResult(contents=[said], ttl_ms=0, cache_scope="private")
        if uri == "test://static-binary":
            blob = mcp.BlobResourceContents(uri=uri, mime_type="image/png", blob=PNG)
            return mcp.ReadResourceResult(contents=[blob], ttl_ms=0, cache_scope="private")
        if uri.startswith("test://template/") and uri.endswith("/data"):
            id = uri.split("/")[3]
            filled = json.dumps({"id": id, "templateTest": True, "data": f"Data for ID: {id}"})
            said = mcp.TextResourceContents(uri=uri, mime_type="application/json", text=filled)
            return mcp.ReadResourceResult(contents=[said], ttl_ms=0, cache_scope="private")
        return await super()._read(context, params)

    async def _prompts(self, *_: Any) -> mcp.ListPromptsResult:
        names = {
            "test_simple_prompt": (), "test_prompt_with_arguments": ("arg1", "arg2"), "test_prompt_with_image": (),
            "test_prompt_with_embedded_resource": ("resourceUri",), "test_input_required_result_prompt": (),
        }  # fmt: skip
        listed = [
            mcp.Prompt(
                name=name, description="A fixture.",
                arguments=[mcp.PromptArgument(name=one, description="-", required=True) for one in arguments],
            )
            for name, arguments in names.items()
        ]  # fmt: skip
        return mcp.ListPromptsResult(prompts=listed, ttl_ms=0, cache_scope="private")

    async def _prompt(self, context: Any, params: Any) -> Any:
        said = params.arguments or {}
        if params.name in ROUNDS:
            answer = asked(context, params)
            if not isinstance(answer, str):
                return answer
            return prompted(text(answer))
        contents: dict[str, Callable[[], list[Any]]] = {
            "test_simple_prompt": lambda: [text("This is a simple prompt for testing.")],
            "test_prompt_with_arguments": lambda: [
                text(f"Prompt with arguments: arg1='{said['arg1']}', arg2='{said['arg2']}'")
            ],
            "test_prompt_with_embedded_resource": lambda: [
                resource(said["resourceUri"], "Embedded resource content for testing."),
                text("Please process the embedded resource above."),
            ],
            "test_prompt_with_image": lambda: [IMAGE, text("Please analyze the image above.")],
        }
        return prompted(*contents[params.name]())

    async def _complete(self, *_: Any) -> mcp.CompleteResult:
        return mcp.CompleteResult(completion=mcp.Completion(values=[], total=0, has_more=False))


def prompted(*contents: Any) -> mcp.GetPromptResult:
    return mcp.GetPromptResult(messages=[mcp.PromptMessage(role="user", content=one) for one in contents])


def main(directory: Path) -> None:
    config = Config(directory=directory, argon2_memory=FLOOR_KIB)
    Vault.create(config, bytearray(PASSPHRASE))
    vault = Vault.open(config, bytearray(PASSPHRASE), encoder=HashingEncoder())
    fill(vault, "notes", keel="The keel bolts were replaced in May.")
    owner = Holder(vault.owner_token().token)
    actions = (Action.SEARCH, Action.READ, Action.COUNT, Action.ADD)
    token = vault.grant(owner, GrantRequest("conformance", actions, Filter(collections=("notes",)))).token
    pool = ThreadPoolExecutor(8)
    endpoint = Everything(vault, pool)
    listening = socket.create_server(("127.0.0.1", 0))
    port = listening.getsockname()[1]
    app = App(guard.Guard(port), rest.make(vault, Attempts(directory), lambda: None), endpoint, pool)
    server = listener.make(app, listening)

    async def serve() -> None:
        loop = asyncio.get_running_loop()
        threading.Thread(target=lambda: (sys.stdin.read(), loop.call_soon_threadsafe(server.stop)), daemon=True).start()
        async with endpoint.run():
            print(json.dumps({"port": port, "token": token}), flush=True)
            await server.serve()

    asyncio.run(serve())


if __name__ == "__main__":
    main(Path(sys.argv[1]))
