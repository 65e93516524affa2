/** The palette: what the search finds while a reader types, and as its first row the question itself. */

import { html, LitElement, nothing, type TemplateResult } from 'lit';
import * as icons from './icons';
import type { Found, Service } from './service';
import type { Strings } from './strings';
import { base, paletteStyle } from './style';

const PAUSE_MS = 150;

export class Palette extends LitElement {
  static override styles = [base, paletteStyle];
  static override properties = { words: { state: true }, found: { state: true }, chosen: { state: true }, isSearched: { state: true } };

  declare words: string;
  declare found: Found[];
  declare chosen: number;
  declare isSearched: boolean;
  service!: Service;
  strings!: Strings;

  private timer = 0;
  private running: AbortController | null = null;

  constructor() {
    super();
    [this.words, this.found, this.chosen, this.isSearched] = ['', [], 0, false];
  }

  private get dialog(): HTMLDialogElement {
    return this.renderRoot.querySelector('dialog')!;
  }

  async open(): Promise<void> {
    await this.updateComplete;
    if (this.dialog.open) return this.dialog.close();
    [this.words, this.found, this.chosen, this.isSearched] = ['', [], 0, false];
    await this.updateComplete;
    this.dialog.showModal();
  }

  override render(): TemplateResult {
    const { strings: say } = this;
    return html`<dialog aria-label=${say.search} @click=${this.clicked}>
      <div class="field">${icons.SEARCH}
        <input role="combobox" aria-expanded="true" aria-controls="rows" aria-activedescendant=${this.words ? `row-${this.chosen}` : nothing} aria-label=${say.search}
          placeholder=${say.search} autocomplete="off" spellcheck="false" dir="auto" maxlength="400" .value=${this.words} @input=${this.typed} @keydown=${this.pressed} />
      </div>
      <ul id="rows" role="listbox" aria-label=${say.search}>
        ${this.words ? this.row(0, html`${icons.BOOK}<span dir="auto">${say.searchAsk}<strong>${this.words}</strong></span>`) : nothing}
        ${this.found.map((one, n) => this.row(n + 1, html`<span dir="auto"><strong>${one.heading_path.at(-1) ?? one.title}</strong><small>${[one.title, ...one.heading_path.slice(1, -1)].join(' › ')}</small></span>`))}
      </ul>
      ${this.words && this.isSearched && !this.found.length ? html`<p class="note" role="status">${say.noResults}</p>` : nothing}
    </dialog>`;
  }

  private row(n: number, inside: TemplateResult): TemplateResult {
    return html`<li id="row-${n}" role="option" aria-selected=${n === this.chosen} @pointermove=${() => (this.chosen = n)} @click=${() => this.choose(n)}>${inside}</li>`;
  }

  private readonly typed = (event: InputEvent): void => {
    this.words = (event.target as HTMLInputElement).value.trim();
    this.chosen = 0;
    clearTimeout(this.timer);
    this.timer = window.setTimeout(() => void this.look(), PAUSE_MS);
  };

  private async look(): Promise<void> {
    this.running?.abort();
    const control = (this.running = new AbortController());
    const found = this.words ? await this.service.search(this.words, control.signal).catch(() => null) : [];
    if (control.signal.aborted) return;
    const seen = new Set<string>();
    this.found = (found ?? []).filter((one) => !seen.has(one.url) && seen.add(one.url));
    this.isSearched = found !== null && Boolean(this.words);
  }

  private readonly pressed = (event: KeyboardEvent): void => {
    const step = { ArrowDown: 1, ArrowUp: -1 }[event.key];
    if (step) {
      event.preventDefault();
      this.chosen = (this.chosen + step + this.found.length + 1) % (this.found.length + 1);
      void this.updateComplete.then(() => this.renderRoot.querySelector(`#row-${this.chosen}`)?.scrollIntoView({ block: 'nearest' }));
    } else if (event.key === 'Enter' && !event.isComposing && this.words) this.choose(this.chosen);
  };

  private choose(n: number): void {
    this.dialog.close();
    const place = this.found[n - 1];
    if (place) location.href = new URL(place.url, this.service.base).href;
    else this.dispatchEvent(new CustomEvent('chosen', { detail: this.words }));
  }

  /** A click beside the dialog closes it. */
  private readonly clicked = (event: MouseEvent): void => {
    if (event.target === this.dialog) this.dialog.close();
  };
}
