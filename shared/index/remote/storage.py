"""How a new collection keeps what it holds: in how many shards, and what of it in memory."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Literal

from qdrant_client import models

from shared.index.port import DENSE, SPARSE

OVERSAMPLING = 2.0
"""So many times the results asked for are taken by their quantized vectors, and ordered by the whole ones."""


@dataclass(frozen=True, slots=True)
class Storage:
    """What is asked of a server for collections that are made from now on; those there are stay as they are."""

    shards: int = 1
    """With more than one, rarities of words are each shard's own."""
    quantization: Literal["none", "scalar", "binary"] = "none"
    payload_on_disk: bool = False

    def creation(self, dimensions: int | None) -> dict[str, Any]:
        """Arguments that make a collection; `dimensions` None: sparse vectors only."""
        whole_on_disk = True if self.quantization != "none" else None
        dense = models.VectorParams(size=dimensions or 1, distance=models.Distance.COSINE, on_disk=whole_on_disk)
        return {
            "vectors_config": {DENSE: dense} if dimensions else {},
            "sparse_vectors_config": {SPARSE: models.SparseVectorParams(modifier=models.Modifier.IDF)},
            "shard_number": self.shards,
            "quantization_config": self._quantization() if dimensions else None,
            "on_disk_payload": True if self.payload_on_disk else None,
        }

    def _quantization(self) -> models.ScalarQuantization | models.BinaryQuantization | None:
        if self.quantization == "scalar":
            how = models.ScalarQuantizationConfig(type=models.ScalarType.INT8, quantile=0.99, always_ram=True)
            return models.ScalarQuantization(scalar=how)
        if self.quantization == "binary":
            return models.BinaryQuantization(binary=models.BinaryQuantizationConfig(always_ram=True))
        return None


PLAIN = Storage()


def search_params(*, exact: bool, quantized: bool) -> models.SearchParams:
    """How dense vectors are searched: exactly, or by the graph; the quantized ones first, then the best again whole."""
    if not quantized:
        return models.SearchParams(exact=exact)
    again = models.QuantizationSearchParams(rescore=True, oversampling=OVERSAMPLING)
    return models.SearchParams(exact=False, quantization=again)  # exactly, all of them would be read from the disk
