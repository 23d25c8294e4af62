"""Prove for which accounts a notification is, and by which modality it came."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from ..conf import Account, conf
from ..wire.modalities import Modality, modalities


@dataclass(frozen=True)
class Authenticated:
    """What a notification proved: for which accounts it is, and by which modality it came."""

    accounts: tuple[Account, ...]
    modality: Modality


def authenticate(payload: Mapping[str, Any], headers: Mapping[str, str]) -> Authenticated | None:
    """Return what a notification proves; None where it proves nothing.

    Each account is tried in every modality: notifications of the old one still come after it was switched to another.
    Every account is compared, in constant time, so that the time tells nothing.
    """
    proven = [
        (modality, account)
        for modality in modalities().values()
        for account in conf.accounts()
        if modality.is_proof(payload, headers, account)
    ]
    if not proven:
        return None
    # Modalities of the same queue are proven and read alike; an account's own modality goes first.
    modality = next((modality for modality, account in proven if account.modality is modality), proven[0][0])
    how = modality.webhook_at_provider
    alike = (account for by, account in proven if by.webhook_at_provider == how)
    return Authenticated(tuple(dict.fromkeys(alike)), modality)
