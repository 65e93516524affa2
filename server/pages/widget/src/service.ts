/** The server: questions and their streams, searches, ratings. Every request goes through here. */

import { createParser } from 'eventsource-parser';

export interface Source {
  n: number;
  title?: string;
  chapter: string;
  section: string;
  url: string;
  quote?: string;
}
export interface Turn {
  role: 'user' | 'assistant';
  content: string;
}
export interface Asked {
  question: string;
  history: Turn[];
  page_url: string;
  selected_text?: string;
  surrounding_context?: string;
}
export interface Start {
  type: 'start';
  message_id: string;
  metadata: { model?: string; mode?: string };
}
export interface Done {
  type: 'done';
  finish_reason: string;
  abstained: boolean;
  degraded: boolean;
  cited: number[];
  sources: Source[];
  suggestions: string[];
}
export type AnswerEvent =
  | Start
  | { type: 'sources'; sources: Source[] }
  | { type: 'chunk'; content: string }
  | { type: 'error'; error: string; message: string }
  | Done;
export interface Found {
  title: string;
  heading_path: string[];
  url: string;
  text: string;
}
export interface Book {
  title: string;
  site_url: string | null;
  issues_url: string | null;
  state: 'reading' | 'no_book' | null;
  quotes: boolean;
  questions: string[];
}

/** A failure with a sentence for the reader; '' where the widget has to find its own. */
export class Problem extends Error {
  constructor(message: string, readonly kind: 'refused' | 'unreachable' | 'broken') {
    super(message);
  }
}

/** Seconds before each try to take up a stream that broke. */
const PATIENCE_S = [0.5, 1, 2, 4, 8];

export class Service {
  /** `base`: the server's address, ending in `/`. */
  constructor(readonly base: string) {}

  /**
   * The events of an answer. A stream that breaks is taken up where it broke; where the server gave the answer up with the
   * connection it is asked for anew, and begins with another `start`. `broke` is called each time.
   */
  async *ask(asked: Asked, session: string, signal: AbortSignal, broke: () => void): AsyncGenerator<AnswerEvent> {
    const path = asked.selected_text ? 'chat/selection' : 'chat';
    const body = JSON.stringify(asked);
    let [last, hasBegun] = ['', false];
    for (const pause of [...PATIENCE_S, null]) {
      try {
        const resumed: Record<string, string> = last ? { 'Last-Event-ID': last } : {};
        const response = await this.request(path, signal, { method: 'POST', body, headers: { Accept: 'text/event-stream', 'X-Anonymous-Session-ID': session, ...resumed } });
        for await (const { id, data } of events(response)) {
          const event = JSON.parse(data) as AnswerEvent;
          if (event.type === 'error' && event.error === 'connection_lost') {
            last = '';
            break;
          }
          [last, hasBegun] = [id ?? last, true];
          yield event;
          if (event.type === 'done') return;
        }
      } catch (error) {
        if (signal.aborted || !hasBegun || (error instanceof Problem && error.kind === 'refused')) throw error;
      }
      if (pause === null) break;
      broke();
      await waited(pause, signal);
    }
    throw new Problem('', 'broken');
  }

  /** Tell the server that nobody reads on. */
  stop(messageId: string): void {
    fetch(`${this.base}chat/${encodeURIComponent(messageId)}/stop`, { method: 'POST', keepalive: true }).catch(() => undefined);
  }

  async search(words: string, signal: AbortSignal): Promise<Found[]> {
    const response = await this.request(`search?k=8&q=${encodeURIComponent(words)}`, signal);
    return ((await response.json()) as { results: Found[] }).results;
  }

  async rate(messageId: string, rating: 'up' | 'down', reason: string): Promise<void> {
    await this.request('feedback', undefined, { method: 'POST', body: JSON.stringify({ message_id: messageId, rating, reason }) });
  }

  /** What the book is called, and what a reader of this page may ask. */
  async book(page: string): Promise<Book> {
    return (await (await this.request(`book?page_url=${encodeURIComponent(page)}`)).json()) as Book;
  }

  private async request(path: string, signal?: AbortSignal, init: RequestInit = {}): Promise<Response> {
    const headers = { ...(init.body ? { 'Content-Type': 'application/json' } : {}), ...init.headers };
    const response = await fetch(this.base + path, { ...init, headers, signal }).catch((error: Error) => {
      throw signal?.aborted ? error : new Problem('', 'unreachable');
    });
    if (response.ok) return response;
    const problem = (await response.json().catch(() => ({}))) as { detail?: string }; // a proxy's error page is no JSON
    throw new Problem(problem.detail ?? '', 'refused');
  }
}

/** The events of a `text/event-stream` body; a reader loop, since Safari cannot iterate streams. */
export async function* events(response: Response): AsyncGenerator<{ id?: string; data: string }> {
  const ready: { id?: string; data: string }[] = [];
  const parser = createParser({ onEvent: (event) => ready.push(event) });
  const reader = response.body!.pipeThrough(new TextDecoderStream()).getReader();
  try {
    for (;;) {
      const { done, value } = await reader.read();
      if (done) return;
      parser.feed(value);
      yield* ready.splice(0);
    }
  } finally {
    reader.cancel().catch(() => undefined);
  }
}

function waited(seconds: number, signal: AbortSignal): Promise<void> {
  return new Promise((resolve, reject) => {
    const timer = setTimeout(resolve, seconds * 1000);
    signal.addEventListener('abort', () => (clearTimeout(timer), reject(signal.reason as Error)), { once: true });
  });
}
