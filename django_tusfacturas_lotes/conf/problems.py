"""What is wrong with the settings, for `manage.py check`."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from django.conf import settings
from django.core.exceptions import ImproperlyConfigured

from .accounts import problems_of_account
from .settings import DEFAULTS, conf
from .values import OF_SETTINGS, SETTING, Problem, problems_of_keys, problems_of_url, problems_of_values


def problems() -> Iterator[Problem]:
    """Yield everything that is wrong with the settings."""
    raw = getattr(settings, SETTING, None)
    if not isinstance(raw, Mapping):
        yield Problem(1, SETTING, f"{SETTING} is not set", f"Set {SETTING} to a dict, as the README shows.")
        return
    yield from problems_of_keys(SETTING, raw, DEFAULTS)
    yield from _problems_of_accounts()
    if conf.get("WEBHOOK_URL") or not all(one.modality.webhook_at_provider for one in conf.accounts()):
        yield from problems_of_url("WEBHOOK_URL", conf.get("WEBHOOK_URL"))
    try:
        _ = conf.builder
    except ImproperlyConfigured as exc:
        yield Problem(7, "COMPROBANTE_BUILDER", str(exc), "Name a callable(order) that returns a Comprobante or None.")
    try:
        _ = conf.account_for
    except ImproperlyConfigured as exc:
        yield Problem(22, "ACCOUNT_FOR", str(exc), "Name a callable(order) that returns an alias of ACCOUNTS, or None.")
    wrong = list(problems_of_values(SETTING, {key: conf.get(key) for key in DEFAULTS}, OF_SETTINGS))
    yield from wrong
    if not any(problem.number == 8 and problem.key != "CALL_GAP" for problem in wrong):
        yield from _problem_of_the_lease()


def _problem_of_the_lease() -> Iterator[Problem]:
    call = conf.connect_timeout + conf.read_timeout
    if conf.sending_lease <= call:
        text = (
            f"{SETTING}['SENDING_LEASE'] is {conf.sending_lease:g} s, not longer than CONNECT_TIMEOUT and READ_TIMEOUT "
            f"together ({call:g} s), so a call could be given up while it runs"
        )
        yield Problem(9, "SENDING_LEASE", text, "Make it longer than both time-outs together.")


def _problems_of_accounts() -> Iterator[Problem]:
    accounts = conf.get("ACCOUNTS")
    hint = "A dict of alias: account, or a dotted path to callable(alias), with ACCOUNT_ALIASES beside it."
    if not isinstance(accounts, Mapping | str) and not callable(accounts):
        yield Problem(2, "ACCOUNTS", f"{SETTING}['ACCOUNTS'] is neither a dict nor a dotted path", hint)
        return
    if not conf.aliases:
        yield Problem(2, "ACCOUNTS", f"{SETTING}['ACCOUNTS'] has no account, so nothing can be sent", hint)
    for alias in conf.aliases:
        try:
            mapping = conf.account_mapping(alias)
        except ImproperlyConfigured as exc:
            yield Problem(2, "ACCOUNTS", str(exc), hint)
            continue
        yield from problems_of_account(alias, mapping, conf.aliases)
    for account in conf.accounts():
        if account.modality.webhook_at_provider and not account.webhook_tokens:
            text = (
                f"{SETTING}['ACCOUNTS'][{account.alias!r}] has no WEBHOOK_TOKEN, so no notification is let in, and "
                "only look-ups tell what became of an invoice"
            )
            hint = "Copy the token of the webhook's configuration at TusFacturas; a list while rotating."
            yield Problem(21, "WEBHOOK_TOKEN", text, hint)
