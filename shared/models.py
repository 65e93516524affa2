"""Values that cross a folder: frozen, validated, JSON-able."""

from __future__ import annotations

from datetime import datetime
from typing import Any, Literal, NamedTuple

from pydantic import BaseModel, ConfigDict, field_validator


class Frozen(BaseModel):
    """A value: immutable, and strict about unknown fields."""

    model_config = ConfigDict(frozen=True, extra="forbid")


BlockKind = Literal[
    "paragraph", "list_item", "fence", "code", "table", "quote", "html", "math", "footnote", "definition", "heading", "text"
]
"""What a block is: `fence` is fenced code and `code` indented code, `math` a formula by itself, `definition` a term or what it
means, `html` the text of raw HTML, `text` what stands between Markdown: titles of admonitions and tabs, attributes."""
_MAX_REASON = 300
"""Characters of a problem's reason."""
CODE_KINDS = frozenset[BlockKind](("fence", "code"))


class ChunkBlock(NamedTuple):
    """A block as its author wrote it, or the part of a long one that a chunk holds."""

    kind: BlockKind
    start: int
    end: int
    """Character offsets into the file, end exclusive."""
    content_start: int
    content_end: int
    """Its range in the chunk's `content`; empty where it says nothing there: a heading that the breadcrumb names, a tag."""

    @property
    def is_empty(self) -> bool:
        """Whether it says nothing in the content."""
        return self.content_start == self.content_end


class Section(Frozen):
    """What a chunk holds under one heading, so that a citation can land on the heading that says it."""

    start: int
    """Character offset into the file where the section's part of this chunk begins."""
    heading_path: tuple[str, ...]
    """Plain-text headings from the page's top down to this one; empty before the first heading."""
    anchor: str | None
    """The heading's id on the rendered page; None where the generator gives it none (the address is then the page)."""
    url: str
    """Address of the page, with `#anchor` where there is one."""
    blocks: tuple[ChunkBlock, ...]
    """In order. A block that stands inside another (code or an item in a list item) follows it and lies within its ranges."""


class Chunk(Frozen):
    """A range of one source file, and how it is indexed."""

    id: str
    """uuid5 of collection, path, heading path, content hash and a counter of equal texts in one place."""
    path: str
    """The file, relative to the book's root, with forward slashes."""
    title: str
    """The page's title: front matter, first h1, or the file's name; of another version than the site shows, with its name."""
    version: str = ""
    """Of the site, where the page is of another one than the site shows unasked."""
    position: int
    """0-based order of the chunk in its page; neighbours are position - 1 and position + 1."""
    start: int
    end: int
    """`text == source[start:end]`, in characters."""
    start_line: int
    end_line: int
    """1-based, inclusive."""
    heading_path: tuple[str, ...]
    """The headings everything in the chunk stands under; for merged small sections their common part."""
    anchor: str | None
    url: str
    """Address of the page with `#anchor` of the first heading in the chunk (or the heading it continues)."""
    sections: tuple[Section, ...]
    """In order; the first covers the chunk's start. One entry unless small sections were merged."""
    tokens: int
    """Tokens of `text`."""
    text: str
    """The source, verbatim: what is shown and cited."""
    content: str
    """What is indexed and embedded (`shared/content.py`): title and heading path, the page's tags where it begins, then the
    body: a cleaned rendering of `text`."""
    body_start: int
    """Where the body begins in `content`."""
    content_hash: str
    """sha256 hex of `content`: the key of its embedding."""

    def __hash__(self) -> int:
        return hash(self.id)  # not over every field, each time a chunk is looked up


class SparseVector(Frozen):
    """A BM25 vector: `indices` and `values` run in parallel."""

    indices: tuple[int, ...]
    values: tuple[float, ...]


class Hit(Frozen):
    """A chunk found by one search."""

    chunk: Chunk
    score: float


class Build(Frozen):
    """One complete, immutable index of the book."""

    id: str
    """Sortable: UTC time, then a random suffix."""
    created_at: datetime
    fingerprint: str
    """Schema version, embedding model, dimensions and BM25 language: another one means every vector is made anew."""
    embedding_model: str | None
    """None: lexical only."""
    dimensions: int | None
    digest: str
    """sha256 over every chunk record: the same digest means the same index."""
    documents: int
    chunks: int
    source: str
    """Where the book was read from."""


StepName = Literal["find", "read", "plan", "embed", "apply", "report"]
StepState = Literal["pending", "running", "done", "failed"]


class Step(Frozen):
    """How far one step of an ingest is."""

    name: StepName
    state: StepState = "pending"
    done: int = 0
    total: int | None = None
    unit: str = ""


class Progress(Frozen):
    """How far an ingest is; published as it runs."""

    steps: tuple[Step, ...]


class Problem(Frozen):
    """A file, or a place in one, that could not be read as its author meant it."""

    path: str
    line: int | None
    reason: str
    skipped: bool
    """True when the whole file is missing from the index because of it."""

    @field_validator("reason")
    @classmethod
    def _of_readable_length(cls, reason: str) -> str:
        """Without the middle of a long one: it quotes what the page has, and a line of a page may be a megabyte."""
        return reason if len(reason) <= _MAX_REASON else f"{reason[: _MAX_REASON - 105]} ... {reason[-100:]}"


class Tally(Frozen):
    """How many of something the plan adds, changes, keeps and removes."""

    added: int = 0
    changed: int = 0
    kept: int = 0
    removed: int = 0


class Report(Frozen):
    """What an ingest did (or, from `plan`, would do)."""

    source: str
    files: Tally
    chunks: Tally
    embedded: int
    """Chunks whose vector was bought; the others came from the cache or the live index."""
    tokens: int
    """Tokens sent to the embedding model."""
    cost_usd: float | None
    """None when the model's price is not known."""
    embedding_model: str | None
    build_id: str | None
    """The live build afterwards; None when nothing was ever built."""
    new_build: bool
    kept_by_next_ingest: bool | None = None
    """Of an edit of one page: whether the source has the page like this, so that the next ingest leaves it; None: no edit."""
    problems: tuple[Problem, ...]
    notes: tuple[str, ...] = ()
    """What of the whole book was guessed or could not be resolved, each a sentence."""
    seconds: float


SiteKind = Literal[
    "auto", "docusaurus", "mkdocs", "mdbook", "vitepress", "starlight", "nextra", "sphinx", "hugo", "jekyll", "plain"
]
"""Site generators; `plain` shows Markdown as files, `auto` is what the book's own files name."""


class Site(Frozen):
    """How the book's site is generated: what turns a file and a heading into an address."""

    kind: SiteKind = "plain"
    url: str = ""
    """Scheme and host, without a trailing slash; empty gives site-relative addresses."""
    base: str = "/"
    """Path the site is served under: begins and ends with a slash."""
    route_base: str = "docs"
    """Docusaurus `routeBasePath` of the docs plugin; '' or '/' when docs are the site's root."""
    trailing_slash: bool | None = None
    """Docusaurus `trailingSlash`; MkDocs `use_directory_urls` (None: the generator's default)."""
    folder: str = ""
    """Folder of the book that becomes the site's pages, where the book is a repository: `docs`, `src`; '' for all of it."""
    versions: tuple[str, ...] = ()
    """Docusaurus `versions.json`: released versions, newest first; empty for a site without versions."""
    format: Literal["", "mdx", "md", "detect"] = ""
    """Docusaurus `markdown.format`: what `.md` files are, unless their front matter says otherwise; '' when not known."""
    chapters: tuple[str, ...] = ()
    """Files in the order of the site's navigation, relative to `folder`, where one is written down: MkDocs' `nav`, mdBook's
    `SUMMARY.md`, which makes pages of no others."""
    ids: Literal["default", "unicode", "pymdownx"] = "default"
    """MkDocs: how `toc` slugs headings: Python-Markdown's `slugify`, its `slugify_unicode`, or `pymdownx.slugs`."""
    options: dict[str, Any] = {}
    """What of its configuration only the generator itself understands."""
    cross_references: bool = False
    """MkDocs: whether `[text][identifier]` is a link that the page does not define (autorefs)."""
    include_paths: tuple[str, ...] = ()
    """Folders, relative to the book, in which files that pages include are looked for, before those around the page."""
    not_built: frozenset[str] = frozenset()
    """Files of the book of which the site has no page, though their names do not tell."""
    notes: tuple[str, ...] = ()
    """What of the configuration was guessed or is not understood, each a sentence."""

    @property
    def address(self) -> str:
        """Where it begins; a path where it is not known to be published anywhere."""
        return self.url + self.base
