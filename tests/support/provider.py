"""The sandbox, our webhook and the settings, joined as in production."""

from __future__ import annotations

import copy
from typing import Any

from django_tusfacturas_lotes.models import Invoice, InvoiceStatus, LoteItem

# Seconds until a test is given up that waits for something. Nothing waits for them to go by.
PATIENCE = 180


class Provider:
    """The sandbox over real HTTP, with our real webhook behind it, and the settings that join them."""

    def __init__(self, sandbox: Any, live_server: Any, settings: Any) -> None:
        self.sandbox = sandbox
        self._settings = settings
        self.webhook_url = f"{live_server.url}/tusfacturas/webhook/"
        account = sandbox.account
        self.credentials = {key: str(account[key.upper()]) for key in ("apikey", "apitoken", "usertoken")}
        self.configure(ACCOUNTS={"default": account}, WEBHOOK_URL=self.webhook_url)

    def use(self, modality: str) -> None:
        """Switch the account to a modality, with the webhook where that one has it."""
        self.sandbox.configure_webhook(self.webhook_url)
        self.configure(ACCOUNTS={"default": self.sandbox.settings_for(modality)})

    def configure(self, **changes: Any) -> None:
        """Change the app's settings for this test."""
        current = copy.deepcopy(self._settings.TUSFACTURAS_LOTES)
        self._settings.TUSFACTURAS_LOTES = {**current, **changes}

    def fault(self, fault: str) -> None:
        self.sandbox.fault(fault)

    def settle(self) -> None:
        """Wait until the sandbox has processed and notified all that it took."""
        self.sandbox.wait_idle(PATIENCE)

    def wait_held(self, answers: int = 1) -> None:
        """Wait until the sandbox holds so many answers back."""
        self.sandbox.wait_held(answers, PATIENCE)

    def issued(self) -> dict[str, int]:
        """How often each reference was issued, by the sandbox's own ledger."""
        return {reference: entry["issued"] for reference, entry in self.sandbox.ledger()["references"].items()}

    def assert_the_promise(self) -> None:
        """No order has two documents, and each is issued, or has a reason, or is waiting or uncertain."""
        issued = self.issued()
        for invoice in Invoice.objects.prefetch_related("items"):
            documents = sum(issued.get(item.reference, 0) for item in invoice.items.all())
            assert documents <= 1, f"invoice {invoice.public_id} has {documents} documents"
            if invoice.status == InvoiceStatus.ISSUED:
                assert documents == 1
            elif invoice.status == InvoiceStatus.FAILED:
                assert invoice.reasons
        assert set(issued) <= set(LoteItem.objects.values_list("reference", flat=True))
