/** The conversation and the field to ask in: inside the panel, or as a page of its own. */

import { html, LitElement, nothing, type TemplateResult } from 'lit';
import { repeat } from 'lit/directives/repeat.js';
import { Answer } from './answer';
import type { Conversation, Exchange, Selection } from './conversation';
import * as icons from './icons';
import type { Book, Service } from './service';
import type { Strings } from './strings';
import { base, viewStyle } from './style';

const MAX_QUESTION_CHARS = 4000;
/** Pixels from the end within which a reader is taken to follow the answer. */
const FOLLOWING_PX = 80;

export class View extends LitElement {
  static override styles = [base, viewStyle];
  static override properties = { version: { attribute: false }, selection: { attribute: false }, book: { attribute: false }, greeting: { attribute: false }, isPage: { attribute: false } };

  declare version: number;
  declare selection: Selection | null;
  declare book: Book | null;
  declare greeting: string;
  /** Without a panel around it: it has its own button for a new conversation, and begins in the middle. */
  declare isPage: boolean;
  conversation!: Conversation;
  service!: Service;
  strings!: Strings;

  private spoken = '';
  private isFollowing = true;

  constructor() {
    super();
    [this.version, this.selection, this.book, this.greeting, this.isPage] = [0, null, null, '', false];
  }

  override connectedCallback(): void {
    super.connectedCallback();
    this.conversation.addEventListener('change', this.changed);
  }

  override disconnectedCallback(): void {
    super.disconnectedCallback();
    this.conversation.removeEventListener('change', this.changed);
  }

  /** Ask, as if the reader had. */
  async ask(question: string, selection?: Selection): Promise<void> {
    this.isFollowing = true;
    this.tell('lectern:ask', { question });
    const asking = this.conversation.ask(question, selection);
    await this.updateComplete;
    this.renderRoot.querySelector('lectern-answer:last-of-type')?.scrollIntoView({ block: 'start' });
    const { text, problem, state, cited, abstained } = await asking;
    if (state === 'stopped') return;
    this.spoken = problem ?? this.strings.answered + text.replace(/\[\d+\]|[*`#>|]/g, '');
    this.requestUpdate();
    this.tell('lectern:answer', { question, text, cited, abstained: abstained ?? false, problem });
  }

  override focus(): void {
    this.field?.focus({ preventScroll: true });
  }

  override render(): TemplateResult {
    const { exchanges, isRunning } = this.conversation;
    const say = this.strings;
    const hint = this.selection ? say.placeholderSelection : exchanges.length ? say.placeholderFollowUp : say.placeholder;
    this.toggleAttribute('page', this.isPage);
    this.toggleAttribute('hero', this.isPage && !exchanges.length);
    return html`
      <div class="talk" role="region" tabindex="0" aria-label=${say.conversation} @scroll=${this.scrolled} @grown=${this.grown}>
        ${exchanges.length ? nothing : this.beginning()}
        ${repeat(
          exchanges,
          (one) => one,
          (one, n) => html`<lectern-answer .exchange=${one} .version=${isRunning && n < exchanges.length - 1 ? -1 : this.version} .isLast=${n === exchanges.length - 1}
            .conversation=${this.conversation} .service=${this.service} .strings=${say} .book=${this.book}
            @again=${() => this.again(one)} @edit=${() => this.edit(one)} @offer=${(event: CustomEvent<string>) => void this.ask(event.detail)}></lectern-answer>`,
        )}
      </div>
      <div class="unseen" aria-live="polite">${this.spoken}</div>
      <form class="ask" @submit=${this.submit}>
        ${this.selection
          ? html`<div class="selection"><blockquote dir="auto">${this.selection.text}</blockquote>
              <button type="button" class="icon" aria-label=${say.removeSelection} title=${say.removeSelection} @click=${() => (this.selection = null)}>${icons.CLOSE}</button></div>`
          : nothing}
        ${this.isPage && exchanges.length ? html`<button type="button" class="anew" @click=${this.anew}>${icons.ANEW}${say.anew}</button>` : nothing}
        <div class="line">
          <textarea rows="1" dir="auto" maxlength=${MAX_QUESTION_CHARS} aria-label=${hint} placeholder=${hint} enterkeyhint="send" @keydown=${this.typed}></textarea>
          ${isRunning
            ? html`<button type="button" class="send" aria-label=${say.stop} title=${say.stop} @click=${this.stop}>${icons.STOP}</button>`
            : html`<button class="send" aria-label=${say.ask} title=${say.ask}>${icons.SEND}</button>`}
        </div>
      </form>
    `;
  }

  private beginning(): TemplateResult {
    const { book, strings: say } = this;
    const questions = book?.questions ?? [];
    const state = book?.state === 'reading' ? say.reading : book?.state === 'no_book' ? say.noBook : '';
    return html`<section class="begin">
      <p class="greeting" dir="auto">${this.greeting || (book?.quotes ? say.quotes : say.greeting)}</p>
      <p class="note" role="status">${state}</p>
      ${questions.length
        ? html`<p class="note">${say.begin}</p>
            <ul class="offers">${questions.map((one) => html`<li><button class="plain" dir="auto" @click=${() => void this.ask(one)}>${one}</button></li>`)}</ul>`
        : nothing}
    </section>`;
  }

  private get field(): HTMLTextAreaElement | null {
    return this.renderRoot.querySelector('textarea');
  }

  private readonly changed = (): void => {
    this.version += 1;
  };

  private readonly submit = (event: Event): void => {
    event.preventDefault();
    const [field, selection] = [this.field!, this.selection];
    const question = field.value.trim() || (selection ? this.strings.explainText : '');
    if (!question) return;
    [field.value, this.selection] = ['', null];
    void this.ask(question, selection ?? undefined);
  };

  private readonly typed = (event: KeyboardEvent): void => {
    if (event.key === 'Enter' && !event.shiftKey && !event.isComposing) {
      event.preventDefault();
      this.submit(event);
    }
  };

  private readonly anew = (): void => {
    this.conversation.begin();
    this.focus();
  };

  private readonly stop = (): void => {
    this.conversation.stop();
    this.focus();
  };

  private again(exchange: Exchange): void {
    const { question, selection } = exchange;
    this.conversation.takeBack(exchange);
    void this.ask(question, selection);
  }

  private edit(exchange: Exchange): void {
    this.selection = exchange.selection ?? null;
    this.field!.value = this.conversation.takeBack(exchange);
    this.focus();
  }

  private readonly scrolled = (): void => {
    const talk = this.renderRoot.querySelector('.talk')!;
    this.isFollowing = talk.scrollHeight - talk.scrollTop - talk.clientHeight < FOLLOWING_PX;
  };

  /** Keep the end of a growing answer in sight, until its question reaches the top: then the reader reads. */
  private readonly grown = (): void => {
    const talk = this.renderRoot.querySelector('.talk')!;
    const last = this.renderRoot.querySelector('lectern-answer:last-of-type');
    if (!last || !this.isFollowing) return;
    const room = last.getBoundingClientRect().top - talk.getBoundingClientRect().top;
    if (room > 0) talk.scrollTop = Math.min(talk.scrollHeight, talk.scrollTop + room);
  };

  private tell(name: string, detail: unknown): void {
    this.dispatchEvent(new CustomEvent(name, { detail, bubbles: true, composed: true }));
  }
}

customElements.define('lectern-answer', Answer);
