"""What the generators' own configuration files say."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from flows.reading.parse import parse
from flows.sites.site import add_addresses, read_site_config
from flows.source.files import SourceFile
from shared.errors import BookError
from shared.models import Site
from tests.conftest import FIXTURES
from tests.support.site_pages import anchors

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


TWO_FOLDERS = "export default {baseUrl: '/manual/', presets: [['classic', {docs: {path: '../docs', routeBasePath: '/'}}]]};"


@pytest.mark.parametrize(("book", "folder", "root"), [("docs", "", None), (".", "docs", "website"), ("docs/part", "", None)])
def test_docusaurus_may_lie_in_a_folder_beside_its_docs(tmp_path: Path, book: str, folder: str, root: str | None) -> None:
    (tmp_path / "docs" / "part").mkdir(parents=True)
    for name, config in (("a-blog", "export default {presets: [['classic', {docs: false}]]};"), ("website", TWO_FOLDERS)):
        (tmp_path / name).mkdir()
        (tmp_path / name / "docusaurus.config.ts").write_text(config, encoding="utf-8")
    site = read_site_config(tmp_path / book, Site(kind="docusaurus"))
    assert (site.base, site.route_base, site.folder, site.options.get("root")) == ("/manual/", "", folder, root)


@pytest.mark.parametrize(
    ("options", "paths", "shown"),
    [
        ("", {"": "next", "2.0": "", "1.0": "1.0"}, "2.0"),
        ("lastVersion: 'current'", {"": "", "2.0": "2.0", "1.0": "1.0"}, ""),
        ("lastVersion: '1.0', versions: {current: {path: 'dev'}}", {"": "dev", "2.0": "2.0", "1.0": ""}, "1.0"),
        ("includeCurrentVersion: false, versions: {'1.0': {path: 'old'}}", {"2.0": "", "1.0": "old"}, "2.0"),
        ("onlyIncludeVersions: ['current', '1.0']", {"": "next", "1.0": ""}, "1.0"),
        ("disableVersioning: true", {"": ""}, ""),
    ],
)
def test_docusaurus_says_where_each_version_is(tmp_path: Path, options: str, paths: dict[str, str], shown: str) -> None:
    (tmp_path / "versions.json").write_text('["2.0", "1.0"]', encoding="utf-8")
    config = f"module.exports = {{presets: [['classic', {{docs: {{{options}}}}}]]}};"
    (tmp_path / "docusaurus.config.js").write_text(config, encoding="utf-8")
    assert read_site_config(tmp_path, Site(kind="docusaurus")).options == {"paths": paths, "shown": shown}


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
        assert read_site_config(book, site).model_copy(update={"notes": ()}) == site


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


@pytest.mark.parametrize("inherited", ["../team/mkdocs.yml", "../team/second.yml"])
def test_mkdocs_inherits_from_a_sister_folder_and_over_several_files(tmp_path: Path, inherited: str) -> None:
    docs = tmp_path / "manual" / "docs"
    docs.mkdir(parents=True)
    (tmp_path / "team").mkdir()
    (tmp_path / "team" / "mkdocs.yml").write_text("use_directory_urls: false\n", encoding="utf-8")
    (tmp_path / "team" / "second.yml").write_text("INHERIT: mkdocs.yml\n", encoding="utf-8")
    (docs.parent / "mkdocs.yml").write_text(f"INHERIT: {inherited}\n", encoding="utf-8")
    assert read_site_config(docs, Site(kind="mkdocs")).trailing_slash is False
    with pytest.raises(BookError, match=inherited):
        read_site_config(docs, Site(kind="mkdocs"), boundary=docs.parent)


@pytest.mark.parametrize(
    ("toc", "ids"),
    [
        ("separator: '_'", ["start_here", "a_b", "a_b_1"]),
        ("slugify: !!python/object/apply:pymdownx.slugs.slugify {}", ["Start-here", "A--B", "A--B_1"]),
        ("slugify: !!python/object/apply:pymdownx.slugs.slugify {kwds: {case: lower-ascii}}", ["start-here", "a--b", "a--b_1"]),
        ("{separator: '.', slugify: !!python/name:pymdownx.slugs.gfm }", ["start.here", "a..b", "a..b_1"]),
    ],
)
def test_the_options_of_toc_make_other_ids(tmp_path: Path, toc: str, ids: list[str]) -> None:
    given = toc if toc.startswith("{") else f"{{{toc}}}"
    (tmp_path / "mkdocs.yml").write_text(f"markdown_extensions: [{{toc: {given}}}]\n", encoding="utf-8")
    site = read_site_config(tmp_path, Site(kind="mkdocs")).model_copy(update={"folder": ""})
    assert anchors("# Start here\n\n## A & B\n\n## A & B\n", site) == ids


def test_a_slugify_function_that_is_not_known_is_noted(tmp_path: Path) -> None:
    config = "markdown_extensions: [{toc: {slugify: !!python/name:ours.slug }}]\nplugins: [search, monorepo]\n"
    (tmp_path / "mkdocs.yml").write_text(config, encoding="utf-8")
    notes = read_site_config(tmp_path, Site(kind="mkdocs")).notes
    assert [word for note in notes for word in ("ours.slug", "monorepo") if word in note] == ["ours.slug", "monorepo"]


def test_mkdocs_says_which_pages_it_does_not_build(tmp_path: Path) -> None:
    docs = tmp_path / "docs"
    for name in (
        "index.md",
        "README.md",
        "part/README.md",
        "drafts/a.md",
        "x/drafts/b.md",
        "keep.md",
        "secret.md",
        "templates/t.md",
    ):
        (docs / name).parent.mkdir(parents=True, exist_ok=True)
        (docs / name).touch()
    (tmp_path / "mkdocs.yml").write_text(
        "exclude_docs: |\n  drafts/\n  /*.md\n  !/index.md\n  !/keep.md\ndraft_docs: |\n  part/\n", encoding="utf-8"
    )
    built = {"index.md", "keep.md"}
    assert {path.removeprefix("docs/") for path in read_site_config(tmp_path, Site(kind="mkdocs")).not_built} == {
        path.relative_to(docs).as_posix() for path in docs.rglob("*.md") if path.relative_to(docs).as_posix() not in built
    }


NAMING = {
    "mkdocs.yml": "site_name: x\n",
    "_config.yml": "title: x\n",
    "astro.config.mjs": "import starlight from '@astrojs/starlight';",
    "next.config.mjs": "import nextra from 'nextra';",
    "docs/conf.py": "extensions = ['myst_parser']",
}


@pytest.mark.parametrize(
    ("files", "kind"),
    [
        (("docusaurus.config.ts",), "docusaurus"),
        (("mkdocs.yml",), "mkdocs"),
        (("book.toml",), "mdbook"),
        (("docs/.vitepress/config.mts",), "vitepress"),
        (("astro.config.mjs", "src/content/docs/index.md"), "starlight"),
        (("next.config.mjs",), "nextra"),
        (("docs/conf.py",), "sphinx"),
        (("hugo.toml", "content/_index.md"), "hugo"),
        (("_config.yml",), "jekyll"),
        ((), "docusaurus"),
    ],
)
def test_the_kind_of_site_is_told_by_the_files_that_name_it(tmp_path: Path, files: tuple[str, ...], kind: str) -> None:
    (tmp_path / "docs").mkdir()
    for name in files:
        (tmp_path / name).parent.mkdir(exist_ok=True, parents=True)
        (tmp_path / name).write_text(NAMING.get(name, ""), encoding="utf-8")
    site = read_site_config(tmp_path / "docs", Site(kind="auto"))
    assert (site.kind, site.notes[0].startswith(f"SITE_KIND is taken for {kind}")) == (kind, True)


def test_vitepress_says_where_its_pages_are(tmp_path: Path) -> None:
    (tmp_path / "docs" / ".vitepress").mkdir(parents=True)
    config = "export default defineConfig({base: '/manual/', srcDir: './src', cleanUrls: true, rewrites: {'a.md': 'b.md'}})"
    (tmp_path / "docs" / ".vitepress" / "config.ts").write_text(config, encoding="utf-8")
    site = read_site_config(tmp_path, Site(kind="auto"))
    assert (site.kind, site.base, site.folder, site.options) == ("vitepress", "/manual/", "docs/src", {"clean_urls": True})
    assert "rewrites" in site.notes[-1]


def test_a_template_may_name_what_the_configuration_holds(tmp_path: Path) -> None:
    configuration = (
        "site_name: Manual\nplugins: [macros]\nextra:\n  pump: {name: Acme, since: 2020-01-02, red: true}\n  list: [1]\n"
    )
    (tmp_path / "mkdocs.yml").write_text(configuration, encoding="utf-8")
    named = read_site_config(tmp_path, Site(kind="mkdocs")).options["variables"]
    assert named["pump"] == named["extra"]["pump"] == {"name": "Acme", "red": True}
    assert named["config"]["site_name"] == "Manual"
    (tmp_path / "mkdocs.yml").write_text("site_name: Manual\n", encoding="utf-8")
    assert "variables" not in read_site_config(tmp_path, Site(kind="mkdocs")).options
    (tmp_path / "_config.yml").write_text("title: Manual\n", encoding="utf-8")
    assert read_site_config(tmp_path, Site(kind="jekyll")).options["variables"] == {"site": {"title": "Manual"}}
    (tmp_path / "content").mkdir()
    (tmp_path / "hugo.toml").write_text("title = 'x'\n[params]\nname = 'Acme'\n", encoding="utf-8")
    assert read_site_config(tmp_path, Site(kind="hugo")).options["variables"] == {"name": "Acme"}
    configuration = "extensions = ['myst_parser']\nmyst_enable_extensions = ['substitution']\nmyst_substitutions = {'a': 'b'}\n"
    (tmp_path / "conf.py").write_text(configuration, encoding="utf-8")
    assert read_site_config(tmp_path, Site(kind="sphinx")).options["variables"] == {"a": "b"}
    (tmp_path / "conf.py").write_text("extensions = ['myst_parser']\n", encoding="utf-8")
    assert "variables" not in read_site_config(tmp_path, Site(kind="sphinx")).options


def test_links_that_a_file_below_every_page_defines_are_known(tmp_path: Path) -> None:
    options = "markdown_extensions:\n  - pymdownx.snippets: {base_path: [inc], auto_append: [links.md, gone.md]}\n"
    (tmp_path / "mkdocs.yml").write_text(options, encoding="utf-8")
    (tmp_path / "inc").mkdir()
    (tmp_path / "inc" / "links.md").write_text("[the guide]: https://example.org\n\n  [mkdocs.env]: x.md\n", encoding="utf-8")
    site = read_site_config(tmp_path, Site(kind="mkdocs"))
    page = "See [it][the guide], [the guide], [`ENV`][mkdocs.env] and [nothing][gone].\n"
    block = parse(SourceFile("docs/page.md", page), {}, site).blocks[0]
    assert block.text == "See it, the guide, ENV and [nothing][gone]."


@pytest.mark.parametrize(
    ("book", "page", "address"),
    [
        ("", "src/content/de/guide/index.md", "/manual/de/docs/guide/"),
        ("src/content", "guide/a.mdx", "/manual/docs/guide/a/"),
        ("src/content/de", "a.mdx", "/manual/de/docs/a/"),
        ("", "src/app/(x)/about/page.mdx", "/manual/about/"),
        ("", "src/app/[lang]/page.mdx", None),
        ("", "src/app/_parts/page.mdx", None),
        ("", "pages/guide/index.mdx", "/manual/guide/"),
        ("", "pages/_app.mdx", None),
        ("", "README.md", None),
    ],
)
def test_nextra_says_where_its_pages_are(tmp_path: Path, book: str, page: str, address: str | None) -> None:
    config = """import nextra from 'nextra'; const withNextra = nextra({ contentDirBasePath: '/docs' });
    export default withNextra({ basePath: '/manual', trailingSlash: true, i18n: { locales: ['en', "de"] } });"""
    (tmp_path / "next.config.ts").write_text(config, encoding="utf-8")
    (tmp_path / book).mkdir(parents=True, exist_ok=True)
    site = read_site_config(tmp_path / book, Site(kind="auto"), boundary=tmp_path)
    document = add_addresses(parse(SourceFile(page, "Text.\n"), {}, site), site)
    assert (site.kind, document.url or None) == ("nextra", address)


def test_mkdocs_says_the_order_of_its_pages_and_what_it_inherits(tmp_path: Path) -> None:
    nav = "nav: [index.md, {Guide: [{First: guide/one.md}, guide/two.md]}, {Out: 'https://example.org'}]\n"
    (tmp_path / "base.yml").write_text(f"use_directory_urls: false\ndocs_dir: pages\n{nav}", encoding="utf-8")
    (tmp_path / "mkdocs.yml").write_text("INHERIT: base.yml\ndocs_dir: text\n", encoding="utf-8")
    site = read_site_config(tmp_path, Site(kind="mkdocs"))
    assert (site.folder, site.trailing_slash) == ("text", False)
    assert site.chapters == ("index.md", "guide/one.md", "guide/two.md")
