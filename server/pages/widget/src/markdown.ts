/** An answer's Markdown as nodes: nothing in it runs, loads or leads elsewhere than it says. */

import DOMPurify from 'dompurify';
import { Marked, type Token, type Tokens } from 'marked';
import { highlighted } from './highlight';
import type { Strings } from './strings';

/** What stands for `[n]`; null: nothing has that number, so it is text. */
export type Cite = (n: number) => Node | null;

const escaped = (text: string): string => text.replace(/[&<>"]/g, (one) => `&#${one.charCodeAt(0)};`);
const marked = new Marked({
  gfm: true,
  extensions: [
    {
      name: 'citation',
      level: 'inline',
      start: (text) => text.indexOf('['),
      tokenizer(text) {
        const found = /^\[(\d{1,3})\](?![([])/.exec(text);
        return found ? { type: 'citation', raw: found[0], n: found[1] } : undefined;
      },
      renderer: (token) => `<sup>${String(token.n)}</sup>`,
    },
  ],
  renderer: {
    html: ({ text }: Tokens.HTML | Tokens.Tag) => escaped(text),
    image: ({ text }: Tokens.Image) => `<em>[${escaped(text)}]</em>`,
    checkbox: ({ checked }: Tokens.Checkbox) => (checked ? '☑ ' : '☐ '),
    code: ({ text, lang }: Tokens.Code) => `<pre lang="${escaped(lang?.split(/[\s{,]/)[0] ?? '')}"><code>${escaped(text)}\n</code></pre>`,
  },
});
const ALLOWED = 'a b blockquote br code del em h1 h2 h3 h4 h5 h6 hr i li ol p pre s strong sup table tbody td th thead tr ul'.split(' ');
const SAFE = /^https?:\/\//i;

/** A text that grows: what is finished stays as it is on the page, only its last block is drawn again. */
export class GrowingText {
  private finished = 0;
  private tail: ChildNode[] = [];

  constructor(private readonly box: HTMLElement, private readonly strings: Strings, private readonly cite: Cite) {}

  /** Show the text so far; `whole`: nothing follows. */
  show(text: string, whole = false): void {
    for (const node of this.tail.splice(0)) node.remove();
    const rest = text.slice(this.finished);
    const tokens = marked.lexer(whole ? rest : closed(rest));
    const last = whole ? tokens.length : tokens.findLastIndex((token) => token.type !== 'space');
    const end = tokens.slice(0, Math.max(last, 0)).reduce((sum, token) => sum + token.raw.length, 0);
    this.append(tokens.slice(0, Math.max(last, 0)), true);
    this.tail = this.append(tokens.slice(Math.max(last, 0)), whole);
    this.finished += end;
  }

  private append(tokens: Token[], whole: boolean): ChildNode[] {
    const nodes = [...nodesOf(marked.parser(tokens), this.strings, this.cite, whole).childNodes];
    this.box.append(...nodes);
    for (const node of whole ? nodes : []) if (node instanceof HTMLParagraphElement && isMarks(node)) join(node);
    return nodes;
  }
}

/** Whether a paragraph holds nothing but citations. */
const isMarks = (paragraph: HTMLParagraphElement): boolean =>
  paragraph.childElementCount > 0 && [...paragraph.childNodes].every((node) => node.nodeName === 'SUP' || !node.textContent?.trim());

/** Citations do not stand alone: those of a block of code go to its head, others close up to what they are of. */
function join(marks: HTMLParagraphElement): void {
  marks.className = 'marks';
  const head = marks.previousElementSibling?.querySelector(':scope > figcaption');
  for (const mark of head ? marks.querySelectorAll('sup') : []) head!.lastElementChild!.before(mark);
  marks.hidden = Boolean(head);
}

/** A whole text. */
export function markdown(text: string, strings: Strings, cite: Cite = () => null): ChildNode[] {
  return [...nodesOf(marked.parse(text, { async: false }), strings, cite, true).childNodes];
}

/** The text with what is half written in its last line left out or completed, so that no `**` flickers. */
function closed(text: string): string {
  if ((text.match(/^ {0,3}(```|~~~)/gm) ?? []).length % 2) return text;
  const start = text.lastIndexOf('\n\n') + 1;
  const ending = text.slice(start).replace(/\[[^\]\n]{0,120}(\]\([^)\n]*)?$/, '').replace(/[*_`]{1,2}$/, '');
  const ticks = (ending.match(/`/g) ?? []).length % 2 ? '`' : '';
  const stars = (ending.replace(/`[^`]*`?/g, '').match(/\*\*/g) ?? []).length % 2 ? '**' : '';
  return text.slice(0, start) + ending + ticks + stars;
}

function nodesOf(html: string, strings: Strings, cite: Cite, whole: boolean): DocumentFragment {
  const fragment = DOMPurify.sanitize(html, { ALLOWED_TAGS: ALLOWED, ALLOWED_ATTR: ['href', 'start', 'align', 'lang'], ALLOW_DATA_ATTR: false, RETURN_DOM_FRAGMENT: true });
  for (const mark of fragment.querySelectorAll('sup')) {
    const cited = cite(Number(mark.textContent));
    if (cited) mark.replaceChildren(cited);
    else mark.replaceWith(`[${mark.textContent}]`);
  }
  for (const link of fragment.querySelectorAll<HTMLAnchorElement>('a:not(sup a)')) {
    if (SAFE.test(link.getAttribute('href') ?? '')) leave(link);
    else link.replaceWith(...link.childNodes);
  }
  for (const heading of fragment.querySelectorAll('h1, h2, h4, h5, h6')) heading.replaceWith(made('h3', {}, ...heading.childNodes));
  for (const table of fragment.querySelectorAll('table')) {
    const box = made('div', { className: 'wide', tabIndex: 0, role: 'region', ariaLabel: strings.table });
    table.replaceWith(box);
    box.append(table);
  }
  for (const block of fragment.querySelectorAll('pre')) block.replaceWith(framed(block, strings, whole));
  return fragment;
}

/** A block of code with its language and a button that copies it. */
function framed(block: HTMLPreElement, strings: Strings, whole: boolean): HTMLElement {
  const [language, code] = [block.lang, block.textContent ?? ''];
  const shown = made('code', {}, ...(whole ? highlighted(code, language) : [code]));
  const copy = made('button', { type: 'button', className: 'bare copy', textContent: strings.copyCode });
  copy.addEventListener('click', () => void copied(code, copy, strings));
  return made('figure', { className: 'code', dir: 'ltr' }, made('figcaption', {}, made('span', { textContent: language }), copy), made('pre', { tabIndex: 0, ariaLabel: `${strings.code} ${language}`.trim(), role: 'region' }, shown));
}

/** Put the text on the clipboard and say so on the button for a moment. */
export async function copied(text: string, button: HTMLElement, strings: Strings): Promise<void> {
  await navigator.clipboard.writeText(text).catch(() => undefined);
  const [before, label] = [button.textContent, button.ariaLabel];
  if (button.childElementCount) button.ariaLabel = strings.copied;
  else button.textContent = strings.copied;
  button.classList.add('told');
  setTimeout(() => {
    if (!button.childElementCount) button.textContent = before;
    button.ariaLabel = label;
    button.classList.remove('told');
  }, 1500);
}

/** Make it open in a tab of its own, without telling the other page who opened it. */
export function leave(link: HTMLAnchorElement): HTMLAnchorElement {
  [link.target, link.rel] = ['_blank', 'noopener'];
  return link;
}

export function made<Name extends keyof HTMLElementTagNameMap>(name: Name, values: Partial<HTMLElementTagNameMap[Name]>, ...children: (Node | string)[]): HTMLElementTagNameMap[Name] {
  const element = Object.assign(document.createElement(name), values);
  element.append(...children);
  return element;
}
