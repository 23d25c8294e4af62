"""What is wrong with a comprobante, as a sentence and as an exception."""

from __future__ import annotations

from django_tusfacturas_lotes.wire.comprobante import ComprobanteInvalido, Problem
from tests.support.wire import samples
from tests.support.wire.building import problems


def test_a_problem_is_a_sentence_with_its_path() -> None:
    (problem,) = problems(samples.put(samples.factura_b(), "comprobante.detalle[0].producto.alicuota", 20)).values()
    assert str(problem) == (
        "comprobante.detalle[0].producto.alicuota: is not a rate of IVA. Got: 20. "
        "Expected: 27, 21, 10.5, 0, -1 (exento) or -2 (no gravado)."
    )


def test_the_exception_survives_pickling_with_its_problems() -> None:
    import pickle

    error = ComprobanteInvalido([Problem("comprobante.total", "is wrong.", "1", "2")])
    assert pickle.loads(pickle.dumps(error)).problems == error.problems
