"""What the generators' own configuration files say."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from flows.sites.site import read_site_config
from shared.errors import BookError
from shared.models import Site
from tests.conftest import FIXTURES

SITES = FIXTURES / "sites"


def test_a_docusaurus_repository_serves_its_docs_folder_and_lists_its_versions() -> None:
    site = read_site_config(SITES / "docusaurus-versions", Site(kind="docusaurus"))
    assert (site.folder, site.versions) == ("docs", ("2.0", "1.0"))


@pytest.mark.parametrize(
    ("config", "format_"),
    [("", "mdx"), ("markdown: {format: 'detect', mermaid: true}", "detect"), ('markdown: {\n  format: "md",\n}', "md")],
)
def test_docusaurus_says_what_md_files_are(tmp_path: Path, config: str, format_: str) -> None:
    (tmp_path / "docusaurus.config.ts").write_text(f"export default {{title: 'x', {config}}};", encoding="utf-8")
    assert read_site_config(tmp_path, Site(kind="docusaurus")).format == format_


CONFIG = """
import {themes} from 'prism-react-renderer'; // baseUrl: '/in-a-comment/',
/* trailingSlash: true, */
const base: string = 'x';

const config: Config = {
  title: `It's a "book"`,
  url: 'https://you.github.io',
  "baseUrl": '/my-book/',
  trailingSlash: false,
  i18n: {defaultLocale: 'en', localeConfigs: {ur: {direction: 'rtl', baseUrl: '/ur/'}}},
  presets: [['classic', {
    docs: {path: 'pages', routeBasePath: '/', sidebarPath: require.resolve('./sidebars.js')},
    blog: {routeBasePath: 'news', path: 'posts'},
  }]],
  themeConfig: {docs: {sidebar: {hideable: true}}},
};
export default config;
"""


def test_docusaurus_says_where_its_pages_are(tmp_path: Path) -> None:
    (tmp_path / "docusaurus.config.ts").write_text(CONFIG, encoding="utf-8")
    site = read_site_config(tmp_path, Site(kind="docusaurus"))
    assert (site.base, site.route_base, site.trailing_slash, site.folder) == ("/my-book/", "", False, "pages")
    (tmp_path / "pages").mkdir()
    assert read_site_config(tmp_path / "pages", Site(kind="docusaurus")) == site.model_copy(update={"folder": ""})


def test_what_the_settings_say_of_addresses_goes_before_the_configuration(tmp_path: Path) -> None:
    (tmp_path / "docusaurus.config.js").write_text(CONFIG, encoding="utf-8")
    site = read_site_config(tmp_path, Site(kind="docusaurus", base="/x/", route_base="guide", trailing_slash=True))
    assert (site.base, site.route_base, site.trailing_slash) == ("/x/", "guide", True)


@pytest.mark.parametrize(
    "computed",
    [
        "baseUrl: process.env.BASE || '/a/'",
        "baseUrl: process.env.CI ? '/a/' : '/b/'",
        "baseUrl: '/a/' + name + '/'",
        "baseUrl: `/${name}/`",
        "baseUrl",
        "trailingSlash: isProduction, presets: [['classic', {docs: false, blog: {routeBasePath: '/'}}]]",
        "title: `never closed",
        "tagline: 'baseUrl: \"/a/\",'",
    ],
)
def test_what_docusaurus_configuration_computes_is_left_to_the_settings(tmp_path: Path, computed: str) -> None:
    (tmp_path / "docusaurus.config.js").write_text(f"module.exports = {{{computed}}};", encoding="utf-8")
    assert read_site_config(tmp_path, Site(kind="docusaurus")) == Site(kind="docusaurus", folder="docs", format="mdx")


def test_a_docs_folder_alone_finds_its_configuration_one_folder_up() -> None:
    assert read_site_config(SITES / "docusaurus-versions" / "docs", Site(kind="docusaurus")).folder == ""
    assert read_site_config(SITES / "docusaurus-versions" / "docs", Site(kind="docusaurus")).versions == ("2.0", "1.0")
    assert read_site_config(SITES / "mkdocs" / "docs", Site(kind="mkdocs")).folder == ""
    assert "headings.md" in read_site_config(SITES / "mdbook" / "src", Site(kind="mdbook")).chapters


def test_mkdocs_says_how_it_slugs_and_whether_pages_are_folders(tmp_path: Path) -> None:
    shutil.copy(SITES / "mkdocs" / "mkdocs-unicode.yml", tmp_path / "mkdocs.yml")
    site = read_site_config(tmp_path, Site(kind="mkdocs"))
    assert (site.folder, site.ids, site.trailing_slash) == ("docs", "pymdownx", False)
    assert read_site_config(tmp_path, Site(kind="mkdocs", trailing_slash=True)).trailing_slash is True


@pytest.mark.parametrize(
    ("extensions", "ids"),
    [
        ("[]", "default"),
        ("[toc, tables]", "default"),
        ("[{toc: {permalink: true}}]", "default"),
        ("[{toc: {slugify: !!python/name:markdown.extensions.toc.slugify_unicode }}]", "unicode"),
        ("[{toc: {slugify: !!python/object/apply:pymdownx.slugs.slugify {kwds: {case: lower}}}}]", "pymdownx"),
        ("{toc: {slugify: !!python/name:pymdownx.slugs.uslugify }}", "pymdownx"),
        ("", "default"),
    ],
)
def test_the_slugify_function_is_told_by_its_name(tmp_path: Path, extensions: str, ids: str) -> None:
    (tmp_path / "mkdocs.yml").write_text(f"site_name: !ENV [NAME, x]\nmarkdown_extensions: {extensions}\n", encoding="utf-8")
    assert read_site_config(tmp_path, Site(kind="mkdocs")).ids == ids


def test_mdbook_makes_pages_of_what_its_summary_names() -> None:
    site = read_site_config(SITES / "mdbook", Site(kind="mdbook"))
    assert site.folder == "src"
    assert site.chapters[:2] == ("README.md", "headings.md")
    assert "guide/a page.md" in site.chapters
    assert "unlisted.md" not in site.chapters


def test_without_a_configuration_the_site_is_as_it_was(tmp_path: Path) -> None:
    for kind in ("docusaurus", "mkdocs", "mdbook", "plain"):
        book = tmp_path / kind / "book"
        book.mkdir(parents=True)
        site = Site.model_validate({"kind": kind})
        assert read_site_config(book, site) == site


def test_nothing_outside_the_boundary_is_read(tmp_path: Path) -> None:
    (tmp_path / "mkdocs.yml").write_text("use_directory_urls: false\n", encoding="utf-8")
    book = tmp_path / "book"
    book.mkdir()
    assert read_site_config(book, Site(kind="mkdocs")).trailing_slash is False
    assert read_site_config(book, Site(kind="mkdocs"), boundary=book).trailing_slash is None
    (book / "mkdocs.yml").symlink_to(tmp_path / "mkdocs.yml")
    assert read_site_config(book, Site(kind="mkdocs"), boundary=book).trailing_slash is None


@pytest.mark.parametrize(
    ("kind", "name", "text"),
    [
        ("mkdocs", "mkdocs.yml", "a: [unclosed"),
        ("mkdocs", "mkdocs.yml", "- not\n- a mapping"),
        ("mdbook", "book.toml", "not toml"),
        ("docusaurus", "versions.json", "{"),
        ("docusaurus", "versions.json", "{}"),
    ],
)
def test_a_configuration_that_cannot_be_read_is_an_error_that_names_the_file(
    tmp_path: Path, kind: str, name: str, text: str
) -> None:
    (tmp_path / "docusaurus.config.js").touch()
    (tmp_path / name).write_text(text, encoding="utf-8")
    with pytest.raises(BookError, match=name):
        read_site_config(tmp_path, Site.model_validate({"kind": kind}))


def test_mkdocs_says_the_order_of_its_pages_and_what_it_inherits(tmp_path: Path) -> None:
    nav = "nav: [index.md, {Guide: [{First: guide/one.md}, guide/two.md]}, {Out: 'https://example.org'}]\n"
    (tmp_path / "base.yml").write_text(f"use_directory_urls: false\ndocs_dir: pages\n{nav}", encoding="utf-8")
    (tmp_path / "mkdocs.yml").write_text("INHERIT: base.yml\ndocs_dir: text\n", encoding="utf-8")
    site = read_site_config(tmp_path, Site(kind="mkdocs"))
    assert (site.folder, site.trailing_slash) == ("text", False)
    assert site.chapters == ("index.md", "guide/one.md", "guide/two.md")
