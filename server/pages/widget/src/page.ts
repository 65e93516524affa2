/** The site's page around us: what is selected on it, and which code the reader points at. */

import type { Selection } from './conversation';

const FEWEST_CHARS = 3;
const MOST_CHARS = 8000;
const SURROUNDINGS_CHARS = 1000;
const BLOCKS = 'p, li, td, pre, blockquote, dd, section, article, main';
const MARGIN_PX = 8;

/** What is selected on the page, with the block around it and where it ends on the screen; null: nothing to ask about. */
export function selected(): { selection: Selection; place: DOMRect } | null {
  const chosen = document.getSelection();
  const text = chosen?.toString().trim().slice(0, MOST_CHARS) ?? '';
  if (!chosen?.rangeCount || text.length < FEWEST_CHARS) return null;
  const range = chosen.getRangeAt(0);
  const node = range.commonAncestorContainer;
  const around = (node instanceof Element ? node : node.parentElement) ?? document.body;
  if (around.closest('lectern-chat, input, textarea, [contenteditable=true], nav')) return null;
  const surroundings = (around.closest(BLOCKS) ?? around).textContent?.trim().slice(0, SURROUNDINGS_CHARS) ?? '';
  return { selection: { text, surroundings }, place: range.getBoundingClientRect() };
}

/** The block of code under the pointer, as a selection; null: there is none. */
export function codeUnder(event: Event): { selection: Selection; place: DOMRect } | null {
  const block = event.target instanceof Element ? event.target.closest<HTMLElement>('pre') : null;
  const text = block?.innerText.trim().slice(0, MOST_CHARS) ?? '';
  if (!block || text.length < FEWEST_CHARS) return null;
  const before = block.closest('div, figure')?.previousElementSibling ?? block.previousElementSibling;
  return { selection: { text, surroundings: before?.textContent?.trim().slice(-SURROUNDINGS_CHARS) ?? '' }, place: block.getBoundingClientRect() };
}

/** Put a small button at a corner of a place on the screen, inside of the window. */
export function put(button: HTMLElement, place: DOMRect, corner: 'below' | 'inside'): void {
  const { offsetWidth: width, offsetHeight: height } = button;
  const top = corner === 'below' ? place.bottom + MARGIN_PX : place.bottom - height - MARGIN_PX;
  const left = corner === 'below' ? place.right - width : place.right - width - MARGIN_PX;
  button.style.top = `${Math.max(MARGIN_PX, Math.min(top, innerHeight - height - MARGIN_PX))}px`;
  button.style.left = `${Math.max(MARGIN_PX, Math.min(left, innerWidth - width - MARGIN_PX))}px`;
}
