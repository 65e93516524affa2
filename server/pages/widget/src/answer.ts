/** One question and its answer, as it is written and when it is done. */

import { html, LitElement, nothing, type PropertyValues, type TemplateResult } from 'lit';
import type { Conversation, Exchange } from './conversation';
import * as icons from './icons';
import { copied, GrowingText, leave, made } from './markdown';
import type { Book, Service, Source } from './service';
import type { Strings } from './strings';
import { answerStyle, base } from './style';

export class Answer extends LitElement {
  static override styles = [base, answerStyle];
  static override properties = { exchange: { attribute: false }, version: { attribute: false }, isLast: { attribute: false } };

  declare exchange: Exchange;
  declare version: number;
  declare isLast: boolean;
  conversation!: Conversation;
  service!: Service;
  strings!: Strings;
  book: Book | null = null;

  private growing: GrowingText | null = null;
  private shown = '';
  private numbers = new Map<number, number>();
  private asksReason = false;
  /** What became of the rating. */
  private told = '';
  private frame = 0;

  override render(): TemplateResult {
    const { exchange: one, strings: say } = this;
    const isRunning = ['asking', 'answering', 'reconnecting'].includes(one.state);
    return html`
      <div class="asked">
        ${one.selection ? html`<blockquote dir="auto">${one.selection.text}</blockquote>` : nothing}
        <p dir="auto">${one.question}</p>
        ${isRunning ? nothing : this.button('edit', say.edit, icons.EDIT, () => this.emit('edit', one))}
      </div>
      <div class="answer" aria-busy=${isRunning}>
        <div class="text ${one.quoted && !one.abstained ? 'quoted' : ''}" dir="auto"></div>
        ${this.note()}
        ${isRunning || one.state === 'failed' ? nothing : html`${this.cards()}${this.actions()}`}
        ${one.state === 'failed' ? html`<button class="plain again" @click=${() => this.emit('again', one)}>${say.retry}</button>` : nothing}
        ${this.isLast && one.state === 'done' && one.suggestions.length && !one.abstained
          ? html`<ul class="offers">${one.suggestions.map((each) => html`<li><button class="plain" dir="auto" @click=${() => this.emit('offer', each)}>${each}</button></li>`)}</ul>`
          : nothing}
      </div>
    `;
  }

  override updated(_changed: PropertyValues): void {
    if (!this.frame) this.frame = requestAnimationFrame(() => ((this.frame = 0), this.draw()));
  }

  /** Bring the text on the page up to date: at most once a frame. */
  private draw(): void {
    const { exchange: one } = this;
    const box = this.renderRoot.querySelector<HTMLElement>('.text');
    const isOver = !['asking', 'answering', 'reconnecting'].includes(one.state);
    if (!box || (this.growing && this.shown === one.text && !isOver)) return;
    if (!this.growing || isOver || !one.text.startsWith(this.shown)) {
      box.replaceChildren();
      this.numbers.clear();
      this.growing = new GrowingText(box, this.strings, (n) => this.cite(n));
    }
    this.shown = one.text;
    this.growing.show(one.text, isOver);
    if (isOver) this.growing = null;
    this.emit('grown', one);
  }

  /** The link that stands for `[n]`, numbered in order of appearance. */
  private cite(n: number): Node | null {
    const source = this.exchange.sources.find((one) => one.n === n);
    if (!source) return null;
    if (!this.numbers.has(n)) this.numbers.set(n, this.numbers.size + 1);
    const [number, address] = [String(this.numbers.get(n)), this.addressOf(source)];
    if (!address) return made('span', { textContent: number });
    const link = leave(made('a', { href: address, textContent: number, ariaLabel: `${this.strings.source} ${number}: ${placeOf(source)}` }));
    const preview = made('span', { className: 'preview', role: 'tooltip' }, made('strong', { textContent: placeOf(source) }), source.quote ?? '');
    preview.ariaHidden = 'true';
    return made('span', { className: 'cited' }, link, preview);
  }

  private note(): TemplateResult | typeof nothing {
    const { exchange: one, strings: say } = this;
    const said = {
      asking: say.searching,
      reconnecting: say.reconnecting,
      stopped: say.stopped,
      failed: one.problem ?? '',
      answering: '',
      done: one.degraded ? say.degraded : '',
    }[one.state];
    return said ? html`<p class="note ${one.state}" dir="auto">${said}</p>` : nothing;
  }

  /** The sections cited, in the order of their numbers. */
  private cards(): TemplateResult | typeof nothing {
    const { exchange: one, strings: say } = this;
    if (one.abstained || !one.cited.length) return nothing;
    const order = appearing(one);
    const cited = one.sources.filter((source) => one.cited.includes(source.n)).sort((a, b) => (order.get(a.n) ?? 99) - (order.get(b.n) ?? 99));
    return html`<ol class="sources" aria-label=${say.sources}>
      ${cited.map((source) => {
        const address = this.addressOf(source);
        const inside = html`<strong dir="auto">${source.section || source.chapter}</strong>
          ${source.chapter && source.chapter !== source.section ? html`<span dir="auto">${source.chapter}</span>` : nothing}
          ${source.quote ? html`<q dir="auto">${source.quote}</q>` : nothing}`;
        return html`<li>${address ? html`<a href=${address} target="_blank" rel="noopener" title=${say.openInBook}>${inside}</a>` : html`<div>${inside}</div>`}</li>`;
      })}
    </ol>`;
  }

  private actions(): TemplateResult {
    const { exchange: one, strings: say } = this;
    const rate = (rating: 'up' | 'down') => () => {
      this.asksReason = rating === 'down';
      this.told = '';
      void this.rated(rating, '', rating === 'up');
    };
    const missing = one.abstained && this.book?.issues_url ? `${this.book.issues_url}?${new URLSearchParams({ title: one.question, body: `${location.href}\n\n> ${one.question}` })}` : '';
    return html`
      ${missing ? html`<p><a class="missing" href=${missing} target="_blank" rel="noopener">${say.tellAuthor}</a></p>` : nothing}
      <div class="actions">
        ${this.button('copy', say.copy, icons.COPY, (event) => void copied(one.text, event.currentTarget as HTMLElement, say))}
        ${this.button('retry', say.retry, icons.RETRY, () => this.emit('again', one))}
        ${one.messageId
          ? html`${this.button(`up ${one.rating === 'up' ? 'chosen' : ''}`, say.good, icons.UP, rate('up'), one.rating === 'up')}
              ${this.button(`down ${one.rating === 'down' ? 'chosen' : ''}`, say.bad, icons.DOWN, rate('down'), one.rating === 'down')}`
          : nothing}
        ${this.told ? html`<span class="note" role="status">${this.told}</span>` : nothing}
      </div>
      ${this.asksReason
        ? html`<form class="reason" @submit=${this.giveReason}>
            <input name="reason" aria-label=${say.reason} placeholder=${say.reason} maxlength="500" autocomplete="off" />
            <button class="plain">${say.send}</button>
          </form>`
        : nothing}
    `;
  }

  private giveReason(event: SubmitEvent): void {
    event.preventDefault();
    const reason = new FormData(event.target as HTMLFormElement).get('reason') as string;
    this.asksReason = false;
    void this.rated('down', reason.trim(), true);
  }

  /** Rate, and say so where the reader has no more to say; a failure is always said. */
  private async rated(rating: 'up' | 'down', reason: string, isAll: boolean): Promise<void> {
    const isStored = await this.conversation.rate(this.exchange, rating, reason);
    if (isAll || !isStored) this.told = isStored ? this.strings.thanks : this.strings.notStored;
    this.requestUpdate();
  }

  private button(kind: string, label: string, icon: unknown, act: (event: Event) => void, pressed?: boolean): TemplateResult {
    return html`<button type="button" class="icon ${kind}" aria-label=${label} title=${label} aria-pressed=${pressed ?? nothing} @click=${act}>${icon}</button>`;
  }

  /** Where a citation leads: http(s), or a page of this server for a book that is published nowhere; '': nowhere. */
  private addressOf(source: Source): string {
    if (/^https?:\/\//i.test(source.url)) return source.url;
    return /^\/(?![/\\])/.test(source.url) ? new URL(source.url, this.service.base).href : '';
  }

  private emit(name: string, detail: unknown): void {
    this.dispatchEvent(new CustomEvent(name, { detail, bubbles: true, composed: true }));
  }
}

export const placeOf = (source: Source): string => [...new Set([source.chapter, source.section].filter(Boolean))].join(' › ') || source.url;

/** The place of each number in the order in which the text names them. */
function appearing(exchange: Exchange): Map<number, number> {
  const order = new Map<number, number>();
  for (const [, n] of exchange.text.matchAll(/\[(\d{1,3})\]/g)) if (!order.has(Number(n))) order.set(Number(n), order.size);
  return order;
}
