"""The accounts that the sandbox knows, with their credentials and webhook addresses."""

from __future__ import annotations

import hmac
from dataclasses import dataclass, field

# Clearly fake, and distinctive enough to be looked for in a database or a log.
APIKEY = "90817"
APITOKEN = "sandbox-apitoken-5f1d0c7e93b24a68"
USERTOKEN = "sandbox-usertoken-c3a9e2476bd8150f"
PUNTO_VENTA = 3
WEBHOOK_TOKEN = "sandbox-webhook-token-8e24b7d0f1936ac5"  # noqa: S105 - nobody's


@dataclass(frozen=True)
class Account:
    """One set of credentials at the provider: one CUIT and point of sale.

    ``trial`` accounts are answered like the real ones, with an empty CAE and without ARCA's checks. ``punto_venta`` is
    only what :meth:`settings` proposes: the sandbox issues at whatever point of sale a comprobante names.
    ``webhook_url`` and ``webhook_token`` are what is configured at the provider for the encola modalities at the start;
    with no address nothing is notified.
    """

    apikey: str = APIKEY
    apitoken: str = APITOKEN
    usertoken: str = USERTOKEN
    punto_venta: int = PUNTO_VENTA
    trial: bool = False
    webhook_url: str = ""
    webhook_token: str = ""

    def matches(self, apikey: object, apitoken: object, usertoken: object) -> bool:
        """Whether the three are this account's. The provider takes an ``apikey`` as a string or as a number."""
        pairs = ((apikey, self.apikey), (apitoken, self.apitoken), (usertoken, self.usertoken))
        return all(credential_matches(given, ours) for given, ours in pairs)

    def settings(self, base_url: str, modality: str, webhook_token: str = "") -> dict[str, object]:
        """An entry for ``TUSFACTURAS_LOTES["ACCOUNTS"]``."""
        entry: dict[str, object] = {
            "APIKEY": self.apikey,
            "APITOKEN": self.apitoken,
            "USERTOKEN": self.usertoken,
            "PUNTO_VENTA": self.punto_venta,
            "MODALITY": modality,
            "BASE_URL": base_url,
        }
        if self.trial:
            entry["TRIAL"] = True
        if webhook_token:
            entry["WEBHOOK_TOKEN"] = webhook_token
        return entry


@dataclass(frozen=True)
class WebhookConfig:
    """Where an account wants the notices of the encola modalities, and with which token in ``TF-WebhookToken``."""

    url: str = ""
    token: str = field(default="", repr=False)


def credential_matches(given: object, ours: str) -> bool:
    """Whether a credential in a request, text or number, is ours."""
    if isinstance(given, bool) or not isinstance(given, (str, int)):
        return False
    return hmac.compare_digest(str(given).encode(), ours.encode())
