"""Markdown shown as files, the way GitHub, GitLab and Gitea show a repository."""

from __future__ import annotations

from urllib.parse import quote

from flows.reading.document import Document, Heading
from flows.sites.heading_text import References, find_references, mdast_text
from flows.sites.slugs import GithubSlugger
from shared.models import Site


def page_address(document: Document, site: Site) -> str:
    """The file's own path below the site's base, `.md` included."""
    return site.base + quote(document.path)


def anchors(document: Document, site: Site) -> list[str | None]:  # noqa: ARG001  every generator is asked the same way
    """One id per heading, h1 included, as github-slugger makes them after GitHub's own; a custom id is taken as written."""
    slugger, references = GithubSlugger(), find_references(document)
    return [_heading_id(heading, slugger, references) or None for heading in document.headings]


def _heading_id(heading: Heading, slugger: GithubSlugger, references: References) -> str:
    if heading.custom_id:
        return heading.custom_id
    return slugger.slug(mdast_text(heading.html, references, mdx=False) if heading.html else heading.text)
