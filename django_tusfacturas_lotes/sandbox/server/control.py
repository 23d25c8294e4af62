"""The requests under ``/_sandbox/``: what :class:`.queue.controls.Controls` does, over HTTP."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from datetime import date
from html import escape
from typing import Any

from ..accounts import WEBHOOK_TOKEN
from ..faults import FaultError
from ..queue.controls import Controls

Answer = tuple[int, bytes, str]
MAX_DAYS = 36500


class _BodyError(ValueError):
    """The body of a request is not what is expected. The text says what is expected."""


def control(controls: Controls, method: str, path: str, raw: bytes) -> Answer:
    """Does what one request asks. Returns the status, body and content type of its answer."""
    name = path.removeprefix("/_sandbox/")
    methods = _ROUTES.get(name)
    if methods is None:
        return _json(404, {"error": f"unknown: {path}", "known": [f"/_sandbox/{known}" for known in _ROUTES]})
    action = methods.get("GET" if method == "HEAD" else method)
    if action is None:
        return _json(405, {"error": f"use {' or '.join(methods)}"})
    try:
        done = action(controls, _body(raw))
    except (_BodyError, FaultError) as error:
        return _json(400, {"error": str(error)})
    except LookupError as error:
        return _json(404, {"error": str(error.args[0])})
    return (200, done.encode(), "text/html; charset=utf-8") if isinstance(done, str) else _json(200, done)


def _body(raw: bytes) -> Mapping[str, Any]:
    if not raw:
        return {}
    try:
        body = json.loads(raw.decode())
    except (ValueError, RecursionError):
        body = None
    if not isinstance(body, dict):
        raise _BodyError("the body must be a JSON object")
    return body


def _json(status: int, body: object) -> Answer:
    return status, json.dumps(body, ensure_ascii=False, indent=1).encode() + b"\n", "application/json"


def _faults(controls: Controls, body: Mapping[str, Any]) -> object:
    asked = body.get("faults")
    if not isinstance(asked, list) or not all(isinstance(fault, str) for fault in asked):
        raise _BodyError('send {"faults": ["name=value", …]}')
    controls.fault(*asked)
    return {"faults": controls.faults()}


def _clear_faults(controls: Controls, body: Mapping[str, Any]) -> object:
    controls.clear_faults()
    return {"faults": []}


def _clock(controls: Controls, body: Mapping[str, Any]) -> object:
    days, day = body.get("advance_days"), body.get("date")
    if isinstance(days, int) and not isinstance(days, bool) and abs(days) <= MAX_DAYS and day is None:
        controls.advance_days(days)
    elif isinstance(day, str) and days is None:
        try:
            controls.set_date(date.fromisoformat(day))
        except ValueError:
            raise _BodyError(f"{day!r} is not a date like 2026-01-31") from None
    else:
        raise _BodyError('send {"advance_days": 1} or {"date": "2026-01-31"}')
    return {"today": controls.state()["today"]}


def _resend(controls: Controls, body: Mapping[str, Any]) -> object:
    reference = body.get("reference")
    if not isinstance(reference, str):
        raise _BodyError('send {"reference": "…"}')
    controls.resend(reference)
    return {"resent": reference}


def _webhook(controls: Controls, body: Mapping[str, Any]) -> object:
    url, token = body.get("url"), body.get("token", WEBHOOK_TOKEN)
    if not isinstance(url, str) or not isinstance(token, str):
        raise _BodyError('send {"url": "http://127.0.0.1:8000/tusfacturas/webhook/", "token": "…"}')
    account = _account(controls, body)
    try:
        controls.configure_webhook(url, token, account)
    except ValueError as error:
        raise _BodyError(str(error)) from None
    return {"webhook": url, "apikey": controls.accounts[account].apikey}


def _notify(controls: Controls, body: Mapping[str, Any]) -> object:
    reference, evento = body.get("reference"), body.get("evento")
    recurso, msg = body.get("recurso", "facturacion"), body.get("msg", [])
    if not (isinstance(reference, str) and isinstance(evento, str) and isinstance(recurso, str)) or not isinstance(
        msg, list
    ):
        raise _BodyError('send {"reference": "…", "evento": "emitido", "recurso": "facturacion", "msg": []}')
    controls.notify(reference, evento, recurso, [str(text) for text in msg], _account(controls, body))
    return {"notified": reference}


def _test_notice(controls: Controls, body: Mapping[str, Any]) -> object:
    controls.send_test_notice(_account(controls, body))
    return {"notified": "test"}


def _account(controls: Controls, body: Mapping[str, Any]) -> int:
    """The place of the account whose apikey is in a body; 0 if there is none."""
    if "apikey" not in body:
        return 0
    known = [account.apikey for account in controls.accounts]
    if str(body["apikey"]) not in known:
        raise _BodyError("no account has this apikey")
    return known.index(str(body["apikey"]))


def _release(controls: Controls, body: Mapping[str, Any]) -> object:
    return {"released": controls.release()}


def _do(action: Callable[[Controls], None]) -> Callable[[Controls, Mapping[str, Any]], object]:
    def run(controls: Controls, body: Mapping[str, Any]) -> object:
        action(controls)
        return controls.state()

    return run


def _index(controls: Controls, body: Mapping[str, Any]) -> object:
    ledger = controls.ledger()
    facts = [*ledger["totals"].items(), *controls.state().items()]
    rows = "".join(f"<tr><th>{escape(name)}<td>{escape(str(value))}" for name, value in facts)
    links = "".join(
        f"<li><a href='/_sandbox/{name}'>/_sandbox/{name}</a>" if "GET" in methods else f"<li>POST /_sandbox/{name}"
        for name, methods in _ROUTES.items()
        if name
    )
    return (
        "<!DOCTYPE html><html lang=en><meta charset=utf-8><meta name=viewport content='width=device-width'>"
        "<title>TusFacturas sandbox</title><style>"
        "body{font:16px system-ui;margin:2em auto;max-width:40em;padding:0 1em}"
        "th{text-align:left;font-weight:400;padding-right:2em}td{font-variant-numeric:tabular-nums}</style>"
        f"<h1>TusFacturas sandbox</h1><p>Nothing here has fiscal value.</p><table>{rows}</table><ul>{links}</ul></html>"
    )


_ROUTES: dict[str, dict[str, Callable[[Controls, Mapping[str, Any]], object]]] = {
    "": {"GET": _index},
    "ledger": {"GET": lambda controls, body: controls.ledger()},
    "state": {"GET": lambda controls, body: controls.state()},
    "faults": {
        "GET": lambda controls, body: {"faults": controls.faults()},
        "POST": _faults,
        "DELETE": _clear_faults,
    },
    "clock": {"POST": _clock},
    "resend": {"POST": _resend},
    "webhook": {"POST": _webhook},
    "notify": {"POST": _notify},
    "test_notice": {"POST": _test_notice},
    "release": {"POST": _release},
    "pause": {"POST": _do(lambda controls: controls.pause())},
    "resume": {"POST": _do(lambda controls: controls.resume())},
    "reset": {"POST": _do(lambda controls: controls.reset())},
}
