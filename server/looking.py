"""What /health and /metrics see of the things we depend on, without waiting long for any of them."""

from __future__ import annotations

from server.documented import LiveBuild
from server.vitals import Probe, Sign
from shared.models import Build

WAIT_S = 0.7
"""Most that a look waits for what is asked in the background."""


async def live_build(probe: Probe[Build | None]) -> LiveBuild | None:
    """The live build, as callers may see it: without where the book was read from."""
    sign = await probe.look(WAIT_S)
    if sign is None or sign.value is None:
        return None
    return LiveBuild.model_validate(sign.value.model_dump(include=set(LiveBuild.model_fields)))


async def is_well(probe: Probe[None] | None) -> bool:
    """Whether it was used and answered when it was last asked."""
    sign: Sign[None] | None = await probe.look(WAIT_S) if probe else None
    return sign is not None and sign.is_well
