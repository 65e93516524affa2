"""`python -m tests.image build|run [--work DIR]`, as root: the image built and watched without a container engine."""

from __future__ import annotations

import argparse
import json
import sys
from pathlib import Path

from tests.image import builder, namespaces, sizes

REPOSITORY = Path(__file__).resolve().parents[2]


def main() -> int:
    """Build the image below the work folder, or run its command and watch it; the exit code."""
    parser = argparse.ArgumentParser(prog="python -m tests.image", description=__doc__)
    parser.add_argument("action", choices=["build", "run"])
    parser.add_argument("--work", type=Path, default=Path("/var/tmp/lectern-image"), help="where the layers are kept")
    parser.add_argument("--book", type=Path, default=REPOSITORY / "docs", help="a folder of Markdown, to be read from git")
    parser.add_argument("--question", default="What is a build?", help="what that book answers")
    options = parser.parse_args()
    namespaces.enter(network=options.action == "build", arguments=sys.argv[1:])
    options.work.mkdir(parents=True, exist_ok=True)
    if options.action == "build":
        built = builder.build_image(REPOSITORY, options.work)
        print("\n".join(sizes.describe(sizes.measure([("base", built.base), *built.layers]))))  # noqa: T201
        return 0
    from tests.image.trial import run_trial

    if not (options.work / "image.json").exists():
        sys.exit(f"There is no image in {options.work}: build it first.")
    layers = [Path(layer) for _, layer in json.loads((options.work / "image.json").read_text(encoding="utf-8"))]
    return run_trial(REPOSITORY, options.work, [options.work / "base", *layers], options.book, options.question)


if __name__ == "__main__":
    sys.exit(main())
