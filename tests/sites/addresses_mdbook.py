"""Which page mdBook made of each chapter: `SUMMARY.md` and the table of contents it writes name them in the same order.

`addresses_mdbook.py SUMMARY BUILT BASE` prints a JSON object from source file to address.
"""

import json
import re
import sys
from pathlib import Path

summary, built, base = sys.argv[1:4]
chapters = re.findall(r"\]\((?:<([^>]+)>|([^)]+))\)", Path(summary).read_text(encoding="utf-8"))
links = re.findall(r'<a href="([^"]+)" target="_parent">', (Path(built) / "toc.html").read_text(encoding="utf-8"))
addresses = {f"src/{a or b}": base + link for (a, b), link in zip(chapters, links, strict=True)}
sys.stdout.write(json.dumps(addresses))
