"""What a shop sends and asks in the encola modalities."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from django_tusfacturas_lotes.sandbox import Sandbox

from .receiver import Receiver
from .sending import DOCUMENTED_ITEM, KEYS, Answer, request

LOTES_ENCOLA, NUEVO_ENCOLA = "lotes_encola", "nuevo_encola"


def encolado(reference: object = "A", /, **comprobante: Any) -> dict[str, Any]:
    """An item with its ``external_reference``, and other fields in its comprobante (None leaves one out)."""
    made = {**DOCUMENTED_ITEM["comprobante"], "external_reference": reference, **comprobante}
    del made["facturacion_lote_id_referencia"]
    return {
        **DOCUMENTED_ITEM,
        "cliente": dict(DOCUMENTED_ITEM["cliente"]),
        "comprobante": {name: value for name, value in made.items() if value is not None},
    }


@dataclass
class QueueShop:
    """Its webhook address is configured at the sandbox from the start."""

    sandbox: Sandbox
    receiver: Receiver
    modality: str = LOTES_ENCOLA

    def __post_init__(self) -> None:
        self.sandbox.configure_webhook(self.receiver.url)

    def call(self, name: str, body: object) -> Answer:
        return request(f"{self.sandbox.url}/v2/facturacion/{name}", "POST", body)

    def body(self, *items: Any, **fields: Any) -> dict[str, Any]:
        made = {**items[0], **fields} if self.modality == NUEVO_ENCOLA else {**KEYS, "requests": list(items), **fields}
        return {name: value for name, value in made.items() if value is not None}

    def post(self, *items: Any, **fields: Any) -> Answer:
        return self.call(self.modality, self.body(*items, **fields))

    def send(self, *items: Any, **fields: Any) -> Any:
        answer = self.post(*items, **fields)
        assert answer.status == 200
        return answer.json

    def settle(self, *items: Any, **fields: Any) -> Any:
        answer = self.send(*items, **fields)
        self.sandbox.wait_idle()
        return answer

    def asking(self, reference: object, **fields: Any) -> dict[str, Any]:
        comprobante = {"external_reference": reference, "operacion": "V"}
        return {**KEYS, "busqueda_tipo": "EXT_REF", "pagina": 0, "limite": 100, "comprobante": comprobante, **fields}

    def look_up(self, reference: object, **fields: Any) -> Any:
        return self.call("consulta_avanzada", self.asking(reference, **fields)).json

    def found(self, reference: object, **fields: Any) -> Any:
        """The one comprobante that a look-up finds."""
        (found,) = self.look_up(reference, **fields)["comprobantes"]
        return found["comprobante"]

    def operate(self, operation: str, reference: object, **fields: Any) -> Any:
        return self.call(operation, {**KEYS, "external_reference": reference, **fields}).json

    def entry(self, reference: str) -> Any:
        return self.sandbox.ledger()["references"][reference]

    def events(self, reference: str = "A") -> list[str]:
        """What was told of a reference, in the order in which it came; a retry too."""
        return [notice["evento"] for notice in self.receiver.notices if notice["external_reference"] == reference]
