/** `<lectern-chat>`: the button and its panel, the palette, and the small buttons at a selection and at code. */

import { html, LitElement, nothing, type TemplateResult } from 'lit';
import { Conversation, type Selection } from './conversation';
import * as icons from './icons';
import { codeUnder, put, selected } from './page';
import { Palette } from './palette';
import { type Book, Service } from './service';
import { directionOf, type Strings, stringsFor } from './strings';
import { base, chatStyle } from './style';
import { applyTheme, watchTheme } from './theme';
import { View } from './view';

customElements.define('lectern-view', View);
customElements.define('lectern-palette', Palette);

/** Between looks whether the book can be asked yet. */
const WATCH_MS = 3000;
const FOCUSABLE = 'a[href], button:not([disabled]), textarea, input, [tabindex="0"]';

export class Chat extends LitElement {
  static override styles = [base, chatStyle];
  static override properties = {
    server: {}, greeting: {}, position: {}, shortcut: {}, accent: { attribute: 'data-accent' }, lang: {}, strings: {},
    heading: { state: true }, isOpen: { state: true }, offered: { state: true }, book: { state: true },
  };

  /** The server's address where none is said: where the script came from. */
  static home = document.baseURI;

  /** The server's address. */
  declare server: string;
  declare heading: string | null;
  declare greeting: string | null;
  /** `right`, `left`, or `inline`: where the element stands, without button and panel. */
  declare position: string;
  /** The key that opens the palette with Ctrl or Cmd; `none`: none does. */
  declare shortcut: string;
  declare accent: string | null;
  /** JSON that overrides words of `strings.ts`. */
  declare strings: string | null;
  declare isOpen: boolean;
  declare offered: { selection: Selection; isCode: boolean } | null;
  declare book: Book | null;

  private service!: Service;
  private conversation!: Conversation;
  private say!: Strings;
  private closing: (() => void)[] = [];

  constructor() {
    super();
    [this.server, this.position, this.shortcut] = [Chat.home, 'right', 'k'];
    [this.heading, this.greeting, this.accent, this.strings] = [null, null, null, null];
    [this.isOpen, this.offered, this.book] = [false, null, null];
  }

  override connectedCallback(): void {
    const language = this.lang || document.documentElement.lang || 'en';
    this.say = stringsFor(language, JSON.parse(this.strings ?? '{}') as Partial<Strings>);
    this.dir ||= directionOf(language);
    this.heading = this.getAttribute('title') ?? this.heading;
    this.removeAttribute('title'); // the browser would show it wherever the pointer rests
    this.service ??= new Service(new URL(this.server.replace(/\/?$/, '/'), document.baseURI).href);
    this.conversation ??= new Conversation(this.service, this.say);
    super.connectedCallback();
    const themed = (): void => applyTheme(this, this.accent);
    themed();
    this.closing = [watchTheme(themed)];
    this.listen(document, 'keydown', (event) => this.pressed(event as KeyboardEvent), true);
    if (this.position === 'inline') {
      void this.learn();
      return;
    }
    this.listen(document, 'selectionchange', () => this.offer());
    this.listen(document, 'pointerover', (event) => this.offerCode(event));
    this.listen(window, 'scroll', () => (this.offered = null), { passive: true, capture: true });
  }

  override disconnectedCallback(): void {
    super.disconnectedCallback();
    for (const close of this.closing.splice(0)) close();
  }

  /** Open the panel. */
  async open(): Promise<void> {
    if (this.position === 'inline') return this.view?.focus();
    if (!this.isOpen) this.tell('lectern:open');
    this.isOpen = true;
    void this.learn();
    await this.updateComplete;
    await this.view?.updateComplete;
    this.view?.focus();
  }

  /** Close the panel; an answer on its way goes on. */
  async close(): Promise<void> {
    if (!this.isOpen) return;
    this.isOpen = false;
    this.tell('lectern:close');
    await this.updateComplete;
    this.renderRoot.querySelector<HTMLElement>('.launch')?.focus();
  }

  /** Open the panel and ask. */
  async ask(question: string, selection?: Selection): Promise<void> {
    await this.open();
    await this.view?.ask(question, selection);
  }

  override render(): TemplateResult {
    const palette = html`<lectern-palette .service=${this.service} .strings=${this.say} @chosen=${(event: CustomEvent<string>) => void this.ask(event.detail)}></lectern-palette>`;
    const title = this.heading || this.book?.title || this.say.title;
    const view = html`<lectern-view .conversation=${this.conversation} .service=${this.service} .strings=${this.say} .book=${this.book} .greeting=${this.greeting ?? ''} .isPage=${this.position === 'inline'}></lectern-view>`;
    if (this.position === 'inline') return html`${view}${palette}`;
    return html`
      ${this.isOpen ? nothing : html`<button class="launch" aria-haspopup="dialog" @click=${() => void this.open()}>${icons.BOOK}<span>${this.say.ask}</span></button>`}
      ${this.offered
        ? html`<button class="offer" @pointerdown=${(event: Event) => event.preventDefault()} @click=${this.takeUp}>${icons.BOOK}<span>${this.offered.isCode ? this.say.explain : this.say.aboutSelection}</span></button>`
        : nothing}
      ${this.isOpen
        ? html`<div class="panel" role="dialog" aria-label=${title} @keydown=${this.trap}>
            <header><h2 dir="auto">${title}</h2>
              <button class="icon" aria-label=${this.say.anew} title=${this.say.anew} @click=${this.anew}>${icons.ANEW}</button>
              <button class="icon" aria-label=${this.say.close} title=${this.say.close} @click=${() => void this.close()}>${icons.CLOSE}</button>
            </header>${view}
          </div>`
        : nothing}
      ${palette}
    `;
  }

  /** A new conversation. */
  readonly anew = (): void => {
    this.conversation.begin();
    this.view?.focus();
  };

  private get view(): View | null {
    return this.renderRoot.querySelector('lectern-view');
  }

  private async learn(): Promise<void> {
    this.book = await this.service.book(location.href).catch(() => this.book);
    if (this.isConnected && (!this.book || this.book.state)) setTimeout(() => void this.learn(), WATCH_MS);
  }

  private readonly takeUp = async (): Promise<void> => {
    const { selection, isCode } = this.offered!;
    this.offered = null;
    if (isCode) return this.ask(this.say.explainCode, selection);
    await this.open();
    if (this.view) this.view.selection = selection;
  };

  private offer(): void {
    const found = selected();
    this.offered = found && { selection: found.selection, isCode: false };
    if (found) this.place(found.place, 'below');
  }

  private offerCode(event: Event): void {
    if (event.composedPath().includes(this) || (this.offered && !this.offered.isCode)) return;
    const found = codeUnder(event);
    this.offered = found && { selection: found.selection, isCode: true };
    if (found) this.place(found.place, 'inside');
  }

  private place(where: DOMRect, corner: 'below' | 'inside'): void {
    void this.updateComplete.then(() => {
      const button = this.renderRoot.querySelector<HTMLElement>('.offer');
      if (button) put(button, where, corner);
    });
  }

  private pressed(event: KeyboardEvent): void {
    if ((event.ctrlKey || event.metaKey) && !event.shiftKey && !event.altKey && event.key.toLowerCase() === this.shortcut.toLowerCase()) {
      event.preventDefault();
      event.stopImmediatePropagation(); // the site's own search has the same key
      void this.renderRoot.querySelector<Palette>('lectern-palette')?.open();
    } else if (event.key === 'Escape') {
      if (this.conversation.isRunning) this.conversation.stop();
      else if (this.isOpen && event.composedPath().includes(this)) void this.close();
    }
  }

  /** Tab stays inside the panel. */
  private readonly trap = (event: KeyboardEvent): void => {
    if (event.key !== 'Tab') return;
    const all = focusable(this.renderRoot.querySelector('.panel')!);
    const [first, last, now] = [all[0], all.at(-1), deepest()];
    if (now !== (event.shiftKey ? first : last)) return;
    event.preventDefault();
    (event.shiftKey ? last : first)?.focus();
  };

  private listen(target: EventTarget, name: string, act: (event: Event) => void, options?: boolean | AddEventListenerOptions): void {
    target.addEventListener(name, act, options);
    this.closing.push(() => target.removeEventListener(name, act, options));
  }

  private tell(name: string, detail: unknown = null): void {
    this.dispatchEvent(new CustomEvent(name, { detail, bubbles: true, composed: true }));
  }
}

/** What the Tab key reaches, in order, also inside of elements with a tree of their own. */
function focusable(root: ParentNode): HTMLElement[] {
  return [...root.querySelectorAll<HTMLElement>('*')].flatMap((one) => [
    ...(one.matches(FOCUSABLE) && one.offsetParent !== null ? [one] : []),
    ...(one.shadowRoot ? focusable(one.shadowRoot) : []),
  ]);
}

function deepest(): Element | null {
  let found = document.activeElement;
  while (found?.shadowRoot?.activeElement) found = found.shadowRoot.activeElement;
  return found;
}
