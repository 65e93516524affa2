"""Markdown shown as files, the way GitHub, GitLab and Gitea show a repository."""

from __future__ import annotations

from urllib.parse import quote

from flows.document import Document
from flows.heading_text import mdast_text
from flows.slugs import GithubSlugger
from shared.models import Site


def page_address(document: Document, site: Site) -> str:
    """The file's own path below the site's base, `.md` included."""
    return site.base + quote(document.path)


def anchors(document: Document, site: Site) -> list[str | None]:  # noqa: ARG001  every generator is asked the same way
    """One id per heading, h1 included, as github-slugger makes them after GitHub's own; a custom id is taken as written."""
    slugger = GithubSlugger()
    texts = (mdast_text(heading.html, document.text, mdx=False) if heading.html else heading.text for heading in document.headings)
    return [heading.custom_id or slugger.slug(text) or None for heading, text in zip(document.headings, texts, strict=True)]
