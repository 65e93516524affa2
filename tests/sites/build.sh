#!/bin/sh
# Builds every site in this folder with its real generator and writes what came out to expected.json beside its pages.
# `make test` needs none of this: it compares with the files as they are. Run it to take up a new generator or a new page.
#
#   tests/sites/build.sh [WORKING_FOLDER]      needs node 20, npm, python3 and cargo; about 1 GB and ten minutes the first time
set -eu

docusaurus=3.10.2 mkdocs=1.6.1 material=9.8.1 mdbook=0.5.4
sites=$(cd "$(dirname "$0")" && pwd)
work=${1:-${TMPDIR:-/tmp}/lectern-sites}
mkdir -p "$work"

install_docusaurus() {
    # docsearch has no part in addresses and ids; held at 4.6 because 4.7.1 asks for a core that does not resolve
    cat > "$work/package.json" <<JSON
{"private": true, "dependencies": {"@docusaurus/core": "$docusaurus", "@docusaurus/preset-classic": "$docusaurus",
 "react": "^19", "react-dom": "^19"}, "overrides": {"@docsearch/react": "4.6.3", "@docsearch/core": "4.6.3"}}
JSON
    (cd "$work" && npm install --no-audit --no-fund)
}

build_docusaurus() {
    rm -rf "${work:?}/$1"
    cp -r "$sites/$1" "$sites/addresses.mjs" "$work/"
    cp "$work/package.json" "$work/$1/"
    (cd "$work/$1" && npx docusaurus build)
    python3 "$sites/read_site.py" "docusaurus $docusaurus" "$work/$1/build" "$work/$1/addresses.json" /my-book/ "$sites/$1/expected.json"
}

build_mkdocs() {
    rm -rf "${work:?}/$1"
    (cd "$sites/mkdocs" && "$work/venv/bin/mkdocs" build --quiet --config-file "$1.yml" --site-dir "$work/$1")
    python3 "$sites/read_site.py" "mkdocs $mkdocs, material $material" "$work/$1" "$work/$1.json" /my-book/ "$sites/mkdocs/$2"
}

build_mdbook() {
    rm -rf "$work/mdbook"
    "$work/bin/mdbook" build --dest-dir "$work/mdbook" "$sites/mdbook"
    python3 "$sites/addresses_mdbook.py" "$sites/mdbook/src/SUMMARY.md" "$work/mdbook" /my-book/ > "$work/mdbook.json"
    python3 "$sites/read_site.py" "mdbook $mdbook" "$work/mdbook" "$work/mdbook.json" /my-book/ "$sites/mdbook/expected.json"
}

test -d "$work/node_modules/@docusaurus/core" || install_docusaurus
build_docusaurus docusaurus
build_docusaurus docusaurus-versions

test -x "$work/venv/bin/mkdocs" || { python3 -m venv "$work/venv" && "$work/venv/bin/pip" install "mkdocs==$mkdocs" "mkdocs-material==$material"; }
build_mkdocs mkdocs expected.json
build_mkdocs mkdocs-unicode expected-unicode.json

test -x "$work/bin/mdbook" || cargo install mdbook --version "$mdbook" --no-default-features --root "$work"
build_mdbook
rm -rf "$sites/__pycache__"
