"""The model of a comprobante, and what the folder offers."""

from __future__ import annotations

from django_tusfacturas_lotes.wire import comprobante
from django_tusfacturas_lotes.wire.comprobante.tables import Tipo
from tests.support.wire import samples


def test_there_is_a_sample_of_every_type_that_can_be_issued() -> None:
    assert set(samples.of_every_type()) == {tipo.value for tipo in Tipo}


def test_everything_that_is_exported_is_there() -> None:
    assert all(hasattr(comprobante, name) for name in comprobante.__all__)
