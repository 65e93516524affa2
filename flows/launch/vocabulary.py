"""The tokenizer's vocabulary from where the installation left it to where the programs look for it."""

from __future__ import annotations

import shutil
from contextlib import suppress
from pathlib import Path

from flows.configuration import find_vocabulary
from shared.tokens import VOCABULARY_FILE, vocabulary_folder


def bring_vocabulary(data_dir: Path) -> None:
    """Copy the vocabulary unless it is there. Without it tokens are estimated, and /health says so."""
    source, target = find_vocabulary(data_dir) / VOCABULARY_FILE, vocabulary_folder(data_dir) / VOCABULARY_FILE
    if target.exists() or not source.exists():
        return
    with suppress(OSError):
        target.parent.mkdir(parents=True, exist_ok=True)
        draft = target.with_suffix(".draft")
        shutil.copyfile(source, draft)
        draft.replace(target)
