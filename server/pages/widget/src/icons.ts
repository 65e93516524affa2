/** Line icons of 24 units, drawn in the colour of the text. */

import { svg, type SVGTemplateResult } from 'lit';

const icon = (paths: SVGTemplateResult): SVGTemplateResult =>
  svg`<svg viewBox="0 0 24 24" width="18" height="18" fill="none" stroke="currentColor" stroke-width="2" stroke-linecap="round" stroke-linejoin="round" aria-hidden="true">${paths}</svg>`;

export const BOOK = icon(svg`<path d="M12 6c-2-2-5-2.500-8-2v14c3-.5 6 0 8 2 2-2 5-2.500 8-2V4c-3-.5-6 0-8 2zv14"/>`);
export const CLOSE = icon(svg`<path d="M6 6l12 12M18 6L6 18"/>`);
export const ANEW = icon(svg`<path d="M12 5v14M5 12h14"/>`);
export const SEND = icon(svg`<path d="M12 19V5M6 11l6-6 6 6"/>`);
export const STOP = icon(svg`<rect x="7" y="7" width="10" height="10" rx="1.500" fill="currentColor"/>`);
export const COPY = icon(svg`<rect x="9" y="9" width="11" height="11" rx="2"/><path d="M5 15V6a2 2 0 0 1 2-2h8"/>`);
export const UP = icon(svg`<path d="M7 11v9H4v-9zM7 11l4-7a2.500 2.500 0 0 1 2.500 2.500V10h5a2 2 0 0 1 2 2.300l-1.100 6A2 2 0 0 1 17.400 20H7"/>`);
export const DOWN = icon(svg`<path d="M7 13V4H4v9zM7 13l4 7a2.500 2.500 0 0 0 2.500-2.500V14h5a2 2 0 0 0 2-2.300l-1.100-6A2 2 0 0 0 17.400 4H7"/>`);
export const RETRY = icon(svg`<path d="M20 11a8 8 0 1 0-2.300 6M20 5v6h-6"/>`);
export const EDIT = icon(svg`<path d="M4 20l1-4L16 5l3 3L8 19z"/>`);
export const SEARCH = icon(svg`<circle cx="11" cy="11" r="6"/><path d="M16 16l4 4"/>`);
