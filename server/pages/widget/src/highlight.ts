/** Colours for code, of the languages that books on robots and software are full of. */

import bash from '@speed-highlight/core/languages/bash.js';
import c from '@speed-highlight/core/languages/c.js';
import js from '@speed-highlight/core/languages/js.js';
import json from '@speed-highlight/core/languages/json.js';
import py from '@speed-highlight/core/languages/py.js';
import toml from '@speed-highlight/core/languages/toml.js';
import xml from '@speed-highlight/core/languages/xml.js';
import yaml from '@speed-highlight/core/languages/yaml.js';
import { tokenizeWith } from '@speed-highlight/core/tokenize';

const LANGUAGES: Record<string, Parameters<typeof tokenizeWith>[1]> = {
  ...{ bash, console: bash, sh: bash, shell: bash, zsh: bash },
  ...{ c, 'c++': c, cpp: c, cs: c, java: c, rust: c },
  ...{ javascript: js, js, jsx: js, ts: js, tsx: js, typescript: js },
  ...{ py, python: py, py3: py },
  ...{ html: xml, sdf: xml, urdf: xml, xacro: xml, xml },
  ...{ json, jsonc: json, toml, yaml, yml: yaml },
};
/** A longer block stays plain: nobody waits for colours. */
const MOST_CHARS = 20_000;

/** The code as pieces of text, coloured where its language is known. */
export function highlighted(code: string, language: string): (Node | string)[] {
  const grammar = LANGUAGES[language.toLowerCase()];
  if (!grammar || code.length > MOST_CHARS) return [code];
  const pieces: (Node | string)[] = [];
  tokenizeWith(code, grammar, (text, kind) => {
    if (!text) return;
    const piece = kind ? document.createElement('span') : text;
    if (piece instanceof HTMLElement) [piece.className, piece.textContent] = [kind!, text];
    pieces.push(piece);
  });
  return pieces;
}
