'use strict';
// Markdown to elements, as much of it as answers use. Text never becomes markup: every node is made, none is parsed from HTML.

function element(name, attributes = {}, ...children) {
  const made = Object.assign(document.createElement(name), attributes);
  made.append(...children);
  return made;
}

function address(url) {  // only what a browser may safely open; pages of a book that is published nowhere are shown here
  return /^(?:https?:\/\/|\/(?![\/\\]))/i.test(url) ? url : null;
}

function link(url, ...children) {
  const target = address(url);
  return target ? element('a', { href: target, target: '_blank', rel: 'noopener' }, ...children) : element('span', {}, ...children);
}

const MARKS = new RegExp([
  /(?<ticks>`+)(?<code>[^`](?:[^]*?[^`])??)\k<ticks>(?!`)/, /\*\*(?<strong>\S(?:[^\n]*?\S)?)\*\*(?!\*)/, /(?<![\w*])\*(?<em>[^\s*](?:[^*\n]*[^\s*])?)\*(?![\w*])/,
  /\[(?<number>\d{1,3})\](?!\()/, /!?\[(?<label>(?:[^\[\]\n]|\[[^\[\]\n]*\])*)\]\((?<url><[^<>\n]*>|[^\s()<>]*(?:\([^\s()]*\)[^\s()]*)*)\)/,
  /(?<bare>https?:\/\/[^\s<>"'`)\]]*[^\s<>"'`)\].,;:!?])/, /(?<hard> {2,}\n|\\\n)/, /\\(?<escaped>[!-/:-@[-`{-~])/,
].map(one => one.source).join('|'), 'g');

function inline(text, cite) {
  const nodes = [];
  let at = 0;
  for (const found of text.matchAll(MARKS)) {
    nodes.push(text.slice(at, found.index));
    at = found.index + found[0].length;
    const { code, strong, em, number, label, url, bare, hard, escaped } = found.groups;
    if (code !== undefined) nodes.push(element('code', { textContent: code }));
    else if (strong !== undefined) nodes.push(element('strong', {}, ...inline(strong, cite)));
    else if (em !== undefined) nodes.push(element('em', {}, ...inline(em, cite)));
    else if (number !== undefined) nodes.push(cite(Number(number)) ?? found[0]);
    else if (url !== undefined) nodes.push(link(url.replace(/^<|>$/g, ''), ...inline(label, cite)));
    else if (bare !== undefined) nodes.push(link(bare, bare));
    else if (hard !== undefined) nodes.push(element('br'));
    else nodes.push(escaped);
  }
  nodes.push(text.slice(at));
  return nodes.filter(node => node !== '');
}

const FENCE = /^(\s*)(`{3,}|~{3,})(.*)$/, HEADING = /^ {0,3}(#{1,6})\s+(.*?)#*\s*$/, ITEM = /^(\s*)([-*+]|\d{1,9}[.)])(\s+)(\S.*)$/;
const QUOTE = /^ {0,3}> ?(.*)$/, RULE = /^ {0,3}([-*_])(?:\s*\1){2,}\s*$/, DIVIDER = /^\s*\|?\s*:?-+:?\s*(?:\|\s*:?-+:?\s*)*\|?\s*$/;
const begins = line => [FENCE, HEADING, ITEM, QUOTE, RULE].some(pattern => pattern.test(line));
const depth = line => line.length - line.trimStart().length;
const cells = line => line.trim().replace(/^\||\|$/g, '').split(/(?<!\\)\|/).map(cell => cell.trim().replaceAll('\\|', '|'));

function blocks(lines, cite) {  // takes lines off the front, one block at a time
  const made = [], rest = [...lines];
  while (rest.length) {
    const line = rest[0];
    if (!line.trim()) rest.shift();
    else if (FENCE.test(line)) made.push(fence(rest));
    else if (HEADING.test(line)) made.push(element('h3', {}, ...inline(HEADING.exec(rest.shift())[2], cite)));
    else if (RULE.test(line)) made.push((rest.shift(), element('hr')));
    else if (QUOTE.test(line)) made.push(element('blockquote', {}, ...blocks(take(rest, QUOTE, found => found[1]), cite)));
    else if (ITEM.test(line)) made.push(list(rest, cite));
    else if (line.includes('|') && DIVIDER.test(rest[1] ?? '') && rest[1].includes('|')) made.push(table(rest, cite));
    else made.push(paragraph(rest, cite));
  }
  return made;
}

function take(rest, pattern, part) {
  const taken = [];
  for (let found; rest.length && (found = pattern.exec(rest[0])); rest.shift()) taken.push(part(found));
  return taken;
}

function fence(rest) {
  const [, indent, run] = FENCE.exec(rest.shift()), code = [];
  const isEnd = line => line.trim().startsWith(run) && !line.trim().replaceAll(run[0], '');
  while (rest.length && !isEnd(rest[0])) code.push(rest.shift().replace(new RegExp(`^\\s{0,${indent.length}}`), ''));
  rest.shift();
  return element('pre', { tabIndex: 0 }, element('code', { textContent: code.join('\n') }));
}

function list(rest, cite) {
  const [, indent, marker] = ITEM.exec(rest[0]), ordered = /\d/.test(marker);
  const made = element(ordered ? 'ol' : 'ul', ordered ? { start: parseInt(marker) } : {});
  for (let found; rest.length && (found = ITEM.exec(rest[0])) && found[1].length <= indent.length + 1 && /\d/.test(found[2]) === ordered;) {
    const inside = found[1].length + found[2].length + 1, lines = [found[4]];
    rest.shift();
    const belongs = line => line.trim() ? depth(line) >= inside || (depth(line) > indent.length + 1 && ITEM.test(line))
                                        : depth(rest[1] ?? '') >= inside && (rest[1] ?? '').trim();
    while (rest.length && (belongs(rest[0]) || (rest[0].trim() && lines.at(-1).trim() && !begins(rest[0])))) {
      const line = rest.shift();
      lines.push(line.slice(Math.min(inside, depth(line))));
    }
    const tight = blocks(lines, cite);
    made.append(element('li', {}, ...(tight[0]?.tagName === 'P' ? [...tight[0].childNodes, ...tight.slice(1)] : tight)));
    if (!rest[0]?.trim() && ITEM.test(rest[1] ?? '')) rest.shift();
  }
  return made;
}

function table(rest, cite) {
  const row = (line, name) => element('tr', {}, ...cells(line).map(cell => element(name, {}, ...inline(cell, cite))));
  const head = element('thead', {}, row(rest.shift(), 'th')), body = element('tbody');
  rest.shift();
  while (rest.length && rest[0].includes('|')) body.append(row(rest.shift(), 'td'));
  return element('div', { className: 'wide', tabIndex: 0 }, element('table', {}, head, body));
}

function paragraph(rest, cite) {
  const lines = [rest.shift()];
  while (rest.length && rest[0].trim() && !begins(rest[0])) lines.push(rest.shift());
  return element('p', {}, ...inline(lines.join('\n').trim(), cite));
}

function markdown(text, cite) {  // elements; `cite(n)` gives the element that stands for [n], or null
  return blocks(text.replaceAll('\r\n', '\n').split('\n'), cite);
}
