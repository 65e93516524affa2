/** What was asked and answered, kept in this browser. */

import { Problem, type Service, type Source, type Turn } from './service';
import type { Strings } from './strings';

export interface Selection {
  text: string;
  surroundings: string;
}
export interface Exchange {
  question: string;
  selection?: Selection;
  state: 'asking' | 'answering' | 'reconnecting' | 'done' | 'stopped' | 'failed';
  text: string;
  /** Why it failed: a sentence. */
  problem?: string;
  messageId?: string;
  sources: Source[];
  cited: number[];
  suggestions: string[];
  quoted?: boolean;
  abstained?: boolean;
  degraded?: boolean;
  rating?: 'up' | 'down';
}

/** Exchanges kept across reloads, and sent along as history. */
const KEPT = 30;
const SENT = 3;

/** One reader's conversation with one server. Dispatches `change` whenever something is new. */
export class Conversation extends EventTarget {
  exchanges: Exchange[] = [];
  private session = newSession();
  private running: AbortController | null = null;
  private readonly key: string;

  constructor(private readonly service: Service, private strings: Strings) {
    super();
    this.key = `lectern ${service.base}`;
    try {
      const kept = JSON.parse(localStorage.getItem(this.key) ?? 'null') as { session: string; exchanges: Exchange[] } | null;
      if (kept) [this.session, this.exchanges] = [kept.session, kept.exchanges];
    } catch {
      // Storage is forbidden or holds something else: the conversation lasts as long as the page.
    }
  }

  get isRunning(): boolean {
    return this.running !== null;
  }

  /** Ask, and return when the answer is over; what ran before stops. */
  async ask(question: string, selection?: Selection): Promise<Exchange> {
    this.stop();
    const history = this.history();
    const exchange: Exchange = { question, selection, state: 'asking', text: '', sources: [], cited: [], suggestions: [] };
    this.exchanges.push(exchange);
    const control = (this.running = new AbortController());
    this.changed();
    try {
      await this.follow(exchange, history, control.signal);
      exchange.state = exchange.problem ? 'failed' : 'done';
    } catch (error) {
      if (control.signal.aborted) exchange.state = 'stopped';
      else [exchange.state, exchange.problem] = ['failed', this.explain(error)];
    }
    if (this.running === control) this.running = null;
    this.keep();
    this.changed();
    return exchange;
  }

  /** End the answer on its way; the server pays for no more of it. */
  stop(): void {
    const messageId = this.exchanges.at(-1)?.messageId;
    if (!this.running) return;
    if (messageId) this.service.stop(messageId);
    this.running.abort();
    this.running = null;
  }

  /** Forget an exchange and all after it, and return its question. */
  takeBack(exchange: Exchange): string {
    this.stop();
    this.exchanges.splice(this.exchanges.indexOf(exchange));
    this.keep();
    this.changed();
    return exchange.question;
  }

  begin(): void {
    this.stop();
    [this.exchanges, this.session] = [[], newSession()];
    this.keep();
    this.changed();
  }

  /** Whether the server has stored it. */
  async rate(exchange: Exchange, rating: 'up' | 'down', reason = ''): Promise<boolean> {
    exchange.rating = rating;
    this.changed();
    const stored = this.service.rate(exchange.messageId ?? '', rating, reason).then(() => true, () => false);
    this.keep();
    return stored;
  }

  private async follow(exchange: Exchange, history: Turn[], signal: AbortSignal): Promise<void> {
    const about = exchange.selection ? { selected_text: exchange.selection.text, surrounding_context: exchange.selection.surroundings } : {};
    const asked = { question: exchange.question, history, page_url: location.href, ...about };
    let said = '';
    const broke = () => ((exchange.state = 'reconnecting'), this.changed());
    for await (const event of this.service.ask(asked, this.session, signal, broke)) {
      if (event.type === 'start') {
        [said, exchange.messageId, exchange.quoted] = ['', event.message_id, event.metadata.model === 'extractive'];
      } else if (event.type === 'sources') exchange.sources = event.sources;
      else if (event.type === 'chunk') {
        said += event.content;
        exchange.state = 'answering';
        if (said.length > exchange.text.length) exchange.text = said; // of one asked for anew what was read stays till then
      } else if (event.type === 'error') exchange.problem = event.message;
      else {
        const { cited, suggestions, abstained, degraded } = event;
        Object.assign(exchange, { text: said, cited, suggestions, abstained, degraded });
        const known = new Map(exchange.sources.map((source) => [source.n, source]));
        exchange.sources = event.sources.map((source) => ({ ...known.get(source.n), ...source }));
      }
      this.changed();
    }
  }

  private explain(error: unknown): string {
    if (error instanceof Problem && error.message) return error.message;
    if (!navigator.onLine) return this.strings.offline;
    return error instanceof Problem && error.kind === 'broken' ? this.strings.broken : this.strings.unreachable;
  }

  private history(): Turn[] {
    const told = this.exchanges.filter((one) => one.text && one.state !== 'failed').slice(-SENT);
    return told.flatMap((one) => [{ role: 'user', content: one.question }, { role: 'assistant', content: one.text }] as Turn[]);
  }

  private keep(): void {
    try {
      localStorage.setItem(this.key, JSON.stringify({ session: this.session, exchanges: this.exchanges.filter((one) => one.state !== 'asking').slice(-KEPT) }));
    } catch {
      // No storage, or no room in it.
    }
  }

  private changed(): void {
    this.dispatchEvent(new Event('change'));
  }
}

/** Unguessable: whoever knows it can read the conversation. */
function newSession(): string {
  return Array.from(crypto.getRandomValues(new Uint32Array(4)), (n) => n.toString(16).padStart(8, '0')).join('');
}
