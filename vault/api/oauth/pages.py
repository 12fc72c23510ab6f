"""The few pages of the authorization server: plain HTML that needs no script. `api.surfaces` has their policy."""

from __future__ import annotations

from functools import cache
from importlib.resources import files
from typing import Any
from urllib.parse import quote

from flask import Response, request
from jinja2 import Environment, FunctionLoader, StrictUndefined

from vault.legible import legible


def page(name: str, status: int = 200, **values: Any) -> Response:
    """Return the page made of a template."""
    text = _templates().get_template(name).render(values)
    return Response(text, status, mimetype="text/html")


def refused(message: str, status: int, hint: str = "") -> Response:
    """Return the page that says why nothing happens here. It sends nobody anywhere."""
    return page("refused.html", status, message=message, hint=hint)


def style() -> Response:
    """Return the style sheet of these pages."""
    return Response(_text("style.css"), mimetype="text/css")


def query() -> dict[str, str]:
    """Return what the address of this page says."""
    return request.args.to_dict()


@cache
def _templates() -> Environment:
    environment = Environment(loader=FunctionLoader(_text), autoescape=True, undefined=StrictUndefined)
    environment.filters |= {"legible": legible, "part": lambda text: quote(text, safe="")}
    return environment


def _text(name: str) -> str:
    return (files("vault.api.oauth") / "templates" / name).read_text("utf-8")
