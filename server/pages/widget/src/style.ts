/** How it looks: the site's font and accent, a few calm greys of its own, nothing that leaks out or in.
 * Pixels, not `rem`: some sites (Material for MkDocs) give that another size. */

import { css } from 'lit';

export const base = css`
  *, ::before, ::after { box-sizing: border-box; }
  button, textarea, input { font: inherit; color: inherit; letter-spacing: inherit; }
  button { cursor: pointer; }
  h2, h3, p, ul, ol, figure, blockquote { margin: 0; padding: 0; }
  ul, ol { list-style: none; }
  a { color: var(--accent); }
  .icon { display: inline-grid; place-items: center; width: 32px; height: 32px; padding: 0; border: 0; border-radius: 8px; background: none; color: var(--faint); }
  .icon:hover { background: var(--soft); color: var(--ink); }
  .icon.told, .icon.chosen { color: var(--accent); background: var(--soft); }
  .plain { background: none; border: 1px solid var(--line); border-radius: 12px; padding: 7.2px 12.8px; text-align: start; font-size: 14px; line-height: 1.35; }
  .plain:hover { border-color: var(--accent); color: var(--accent); }
  .offers { display: flex; flex-wrap: wrap; gap: 8px; margin-top: 12px; }
  .note { color: var(--faint); font-size: 14px; margin-top: 8px; }
  .note.failed { color: var(--bad); font-size: 1em; }
  :focus-visible { outline: 2px solid var(--accent); outline-offset: 2px; }
  .unseen { position: absolute; width: 1px; height: 1px; overflow: hidden; clip-path: inset(50%); }
  @media (prefers-reduced-motion: reduce) { *, ::before, ::after { animation: none !important; transition: none !important; scroll-behavior: auto !important; } }
`;

export const chatStyle = css`
  :host { --ink: #1b1f27; --paper: #fff; --soft: #f3f4f6; --line: #dfe2e7; --faint: #59616e; --bad: #b3261e; color: var(--ink); color-scheme: light; }
  :host([data-scheme='dark']) { --ink: #e7e9ee; --paper: #171a1f; --soft: #242932; --line: #3a414d; --faint: #a7afbc; --bad: #ffb4ab; color-scheme: dark; }
  :host { font-family: inherit; font-size: 16px; line-height: 1.55; letter-spacing: normal; text-align: start; text-transform: none; font-weight: 400; font-style: normal; white-space: normal; }
  :host([position='inline']) { display: flex; flex-direction: column; min-height: 0; }
  :host([position='inline']) lectern-view { flex: 1; min-height: 0; }
  .launch, .offer { position: fixed; z-index: 2147482000; display: inline-flex; align-items: center; gap: 8px; border: 0; background: var(--accent); color: var(--on-accent); box-shadow: 0 4px 16px rgb(0 0 0 / .22); font-weight: 600; }
  .launch { bottom: max(20px, env(safe-area-inset-bottom)); inset-inline-end: 20px; border-radius: 32px; padding: 12px 18.4px; }
  :host([position='left']) .launch, :host([position='left']) .panel { inset-inline: 20px auto; }
  .launch:hover, .offer:hover { filter: brightness(1.08); }
  .offer { border-radius: 9.6px; padding: 5.6px 11.2px; font-size: 14px; }
  .offer svg { width: 16px; height: 16px; }
  .panel { position: fixed; z-index: 2147482001; bottom: 20px; inset-inline-end: 20px; display: flex; flex-direction: column; width: min(432px, calc(100vw - 40px)); height: min(704px, calc(100dvh - 40px));
    background: var(--paper); border: 1px solid var(--line); border-radius: 16px; box-shadow: 0 12px 48px rgb(0 0 0 / .28); overflow: hidden; animation: rise .16s ease-out; }
  @keyframes rise { from { opacity: 0; transform: translateY(12px); } }
  header { display: flex; align-items: center; gap: 4px; padding: 9.6px 9.6px 9.6px 16px; border-bottom: 1px solid var(--line); }
  h2 { flex: 1; font-size: 16px; font-weight: 600; line-height: 1.3; overflow: hidden; text-overflow: ellipsis; white-space: nowrap; }
  lectern-view { flex: 1; min-height: 0; }
  @media (max-width: 600px) { .panel, :host([position='left']) .panel { inset: 0; width: auto; height: auto; border: 0; border-radius: 0; } }
`;

export const viewStyle = css`
  :host { display: flex; flex-direction: column; min-height: 0; position: relative; }
  .talk { flex: 1; min-height: 0; overflow-y: auto; overscroll-behavior: contain; padding: 0 16px 16px; outline-offset: -2px; }
  .begin { padding-top: 16px; }
  .greeting { font-size: 16px; }
  :host([hero]) { justify-content: center; padding-bottom: 12vh; }
  :host([hero]) .talk { flex: none; order: 2; max-height: 60%; }
  :host([page]) .ask { background: none; }
  :host([hero]) .ask { border: 0; }
  :host([hero]) .line { padding: 8.8px 8.8px 8.8px 17.6px; border-radius: 25.6px; }
  .anew { display: inline-flex; align-items: center; gap: 4px; margin: 0 0 6.4px; padding: 1.6px 6.4px; border: 0; border-radius: 8px; background: none; color: var(--faint); font-size: 13px; }
  .anew:hover { color: var(--ink); background: var(--soft); }
  .anew svg { width: 14.4px; }
  .ask { padding: 9.6px 12px max(12px, env(safe-area-inset-bottom)); border-top: 1px solid var(--line); background: var(--paper); }
  .line { display: flex; gap: 6.4px; align-items: end; background: var(--soft); border: 1px solid var(--line); border-radius: 17.6px; padding: 4.8px 4.8px 4.8px 14.4px; }
  .line:focus-within { border-color: var(--accent); box-shadow: 0 0 0 1px var(--accent); }
  textarea { flex: 1; min-width: 0; border: 0; background: none; resize: none; padding: 4.8px 0; max-height: 144px; line-height: 1.4; field-sizing: content; }
  textarea:focus-visible { outline: none; }
  textarea::placeholder { color: var(--faint); opacity: 1; }
  .send { display: grid; place-items: center; flex: none; width: 33.6px; height: 33.6px; padding: 0; border: 0; border-radius: 50%; background: var(--accent); color: var(--on-accent); }
  .selection { display: flex; align-items: start; gap: 4px; margin-bottom: 6.4px; }
  .selection blockquote { flex: 1; max-height: 4.2em; overflow: hidden; font-size: 13px; color: var(--faint); border-inline-start: 3px solid var(--accent); padding-inline-start: 9.6px; overflow-wrap: anywhere; }
`;

export const answerStyle = css`
  :host { display: block; padding-top: 16px; overflow-wrap: anywhere; }
  .asked { display: flex; flex-direction: column; align-items: end; position: relative; }
  .asked p { background: var(--soft); border-radius: 16px 16px 4px 16px; padding: 8px 13.6px; max-width: 92%; white-space: pre-wrap; }
  .asked blockquote { max-width: 92%; max-height: 4.4em; overflow: hidden; font-size: 13px; color: var(--faint); border-inline-start: 3px solid var(--line); padding-inline-start: 9.6px; margin-bottom: 5.6px; white-space: pre-wrap; }
  .asked .icon { opacity: 0; width: 25.6px; height: 25.6px; }
  .asked:hover .icon, .asked .icon:focus-visible { opacity: 1; }
  @media (hover: none) { .asked .icon { opacity: 1; } }
  .answer { margin-top: 4px; }
  .text > * { margin: 9.6px 0; }
  .text > :first-child { margin-top: 0; }
  .text h3 { font-size: 1.05em; font-weight: 650; margin-top: 16px; }
  .text ul, .text ol { padding-inline-start: 22.4px; }
  .text ul { list-style: disc; }
  .text ol { list-style: decimal; }
  .text li { margin: 3.2px 0; }
  .text li > p { margin: 4.8px 0; }
  .text blockquote, .quoted > :not(:first-child) { border-inline-start: 3px solid var(--accent); padding-inline-start: 13.6px; margin-block: 0; padding-block: 4.8px; }
  .quoted > ul, .quoted > ol { padding-inline-start: 33.6px !important; }
  .quoted > :first-child:not(:only-child) { color: var(--faint); font-size: 14px; }
  .quoted > p:not(:first-child) > strong:only-child { display: inline-block; padding-top: 4.8px; }
  hr { border: 0; border-top: 1px solid var(--line); }
  code { font: .875em ui-monospace, SFMono-Regular, Menlo, Consolas, monospace; }
  :not(pre) > code { background: var(--soft); border-radius: 4.8px; padding: .1em .3em; }
  .code { background: var(--soft); border: 1px solid var(--line); border-radius: 9.6px; overflow: hidden; }
  .quoted > .code { padding: 0; border-inline-start: 3px solid var(--accent); }
  figcaption { display: flex; justify-content: space-between; align-items: center; padding: 3.2px 5.6px 3.2px 12px; font-size: 12px; color: var(--faint); border-bottom: 1px solid var(--line); }
  figcaption sup { margin-inline: auto 6.4px; font-size: 1.1em; }
  .marks { margin-top: -7.2px !important; }
  .bare { background: none; border: 0; border-radius: 5.6px; padding: 3.2px 7.2px; font-size: 12px; color: var(--faint); }
  .bare:hover { background: var(--paper); color: var(--ink); }
  pre { margin: 0; padding: 11.2px 12px; overflow-x: auto; line-height: 1.45; tab-size: 4;
    background: linear-gradient(90deg, var(--soft) 30%, transparent), linear-gradient(270deg, var(--soft) 30%, transparent) 100% 0, linear-gradient(90deg, rgb(0 0 0 / .18), transparent), linear-gradient(270deg, rgb(0 0 0 / .18), transparent) 100% 0;
    background-repeat: no-repeat; background-size: 40px 100%, 40px 100%, 11.2px 100%, 11.2px 100%; background-attachment: local, local, scroll, scroll; }
  .wide { overflow-x: auto; }
  table { border-collapse: collapse; font-size: 14px; }
  th, td { border: 1px solid var(--line); padding: 4.8px 9.6px; text-align: start; vertical-align: top; overflow-wrap: normal; }
  th { background: var(--soft); }
  sup { line-height: 0; }
  .cited { position: relative; }
  .cited > a { display: inline-block; min-width: 1.35em; padding: .68em .3em; margin-inline-start: .12em; border-radius: .4em; background: var(--soft); font-size: .95em; font-weight: 600; text-align: center; text-decoration: none; vertical-align: middle; }
  .cited > a:hover { background: var(--accent); color: var(--on-accent); }
  .preview { display: none; position: absolute; z-index: 2; bottom: 1.6em; inset-inline-start: -64px; width: 256px; padding: 8.8px 11.2px; background: var(--paper); border: 1px solid var(--line); border-radius: 9.6px; box-shadow: 0 6px 24px rgb(0 0 0 / .2); font-size: 13px; line-height: 1.4; font-weight: 400; white-space: normal; pointer-events: none; }
  .preview strong { display: block; }
  .cited:hover .preview, .cited:focus-within .preview { display: block; }
  .sources { counter-reset: source; display: grid; gap: 6.4px; margin-top: 13.6px; }
  .sources li { counter-increment: source; }
  .sources li > * { display: grid; grid-template-columns: auto 1fr; gap: 0 9.6px; padding: 8px 11.2px; border: 1px solid var(--line); border-radius: 10.4px; font-size: 13px; line-height: 1.4; color: inherit; text-decoration: none; }
  .sources li > a:hover { border-color: var(--accent); }
  .sources li > *::before { content: counter(source); grid-row: span 3; color: var(--accent); font-weight: 700; }
  .sources span, .sources q { grid-column: 2; color: var(--faint); }
  .sources q { display: -webkit-box; -webkit-line-clamp: 2; -webkit-box-orient: vertical; overflow: hidden; }
  .actions { display: flex; align-items: center; gap: 1.6px; margin: 6.4px 0 0 -6.4px; min-height: 32px; }
  .actions .note { margin: 0 8px; }
  .again { margin-top: 9.6px; }
  .reason { display: flex; gap: 6.4px; margin-top: 4.8px; }
  .reason input { flex: 1; min-width: 0; border: 1px solid var(--line); border-radius: 12px; background: var(--soft); padding: 6.4px 11.2px; font-size: 14px; }
  .cmnt { color: var(--faint); font-style: italic; }
  .kwd, .oper { color: light-dark(#a31560, #ff9ac5); }
  .str, .insert { color: light-dark(#0f6a3b, #8fd9a8); }
  .num, .bool, .type, .class { color: light-dark(#8a4200, #ffc48a); }
  .func, .section { color: light-dark(#1b4fa8, #a8c7ff); }
  .var, .esc { color: light-dark(#5d3fb0, #c9b8ff); }
`;

export const paletteStyle = css`
  dialog { width: min(608px, calc(100vw - 32px)); max-height: min(480px, calc(100dvh - 64px)); margin: 12vh auto auto; padding: 0; border: 1px solid var(--line); border-radius: 16px; background: var(--paper); color: var(--ink); box-shadow: 0 16px 64px rgb(0 0 0 / .35); overflow: hidden; }
  dialog[open] { display: flex; flex-direction: column; }
  dialog::backdrop { background: rgb(0 0 0 / .35); }
  .field { display: flex; align-items: center; gap: 9.6px; padding: 12.8px 16px; border-bottom: 1px solid var(--line); color: var(--faint); }
  input:focus-visible { outline: none; }
  input { flex: 1; min-width: 0; border: 0; background: none; color: var(--ink); font-size: 16px; }
  ul { overflow-y: auto; padding: 5.6px; }
  li { display: flex; align-items: center; gap: 9.6px; padding: 8px 11.2px; border-radius: 9.6px; cursor: pointer; }
  li > span { flex: 1; min-width: 0; overflow-wrap: anywhere; }
  li[aria-selected='true'] { background: var(--soft); }
  li strong { font-weight: 600; }
  small { display: block; color: var(--faint); font-size: 13px; }
  .note { padding: 0 16px 16px; }
`;
