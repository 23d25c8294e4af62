"""How calls of each modality are read and answered, and which notices tell their results.

A file each for ``lotes``, ``lotes_encola`` and ``nuevo_encola``; all have the shape of :class:`.interface.Modality`.
"""

from .interface import Modality
from .lotes import LOTES
from .lotes_encola import LOTES_ENCOLA
from .nuevo_encola import NUEVO_ENCOLA

__all__ = ["LOTES", "LOTES_ENCOLA", "MODALITIES", "NUEVO_ENCOLA"]

MODALITIES: tuple[Modality, ...] = (LOTES, LOTES_ENCOLA, NUEVO_ENCOLA)
