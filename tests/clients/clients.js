// Each client asks `server` as its documentation says and keeps in `seen` what its page would show.
// seen: {text, sources, errors, state}; state is 'streaming', then 'done', 'stopped', or what went wrong.
import { fetchEventSource } from '@microsoft/fetch-event-source';
import { AbstractChat, DefaultChatTransport } from 'ai';
import { EventSourceParserStream } from 'eventsource-parser/stream';
import OpenAI from 'openai';

const QUESTION = 'What moves?';
const body = JSON.stringify({ question: QUESTION, stream: true });
const headers = { 'Content-Type': 'application/json' };

function take(seen, data) {  // one event of the native stream
  const event = JSON.parse(data);
  seen.text += event.content;
  if (event.type === 'sources') seen.sources = event.sources.map(source => source.url);
  if (event.type === 'done') seen.state = 'done';
}

function fail(seen, why) {
  seen.errors.push(why);
}

class PageChat extends AbstractChat {  // what `useChat` makes of it, with plain fields for React's state
  constructor(options) {
    const state = {
      status: 'ready', error: undefined, messages: [], snapshot: value => structuredClone(value),
      pushMessage(message) { this.messages = [...this.messages, message]; },
      popMessage() { this.messages = this.messages.slice(0, -1); },
      replaceMessage(index, message) { this.messages = this.messages.with(index, structuredClone(message)); },
    };
    super({ ...options, state });
  }
}

function showChat(seen, chat) {
  const parts = chat.lastMessage?.role === 'assistant' ? chat.lastMessage.parts : [];
  seen.text = parts.filter(part => part.type === 'text').map(part => part.text).join('');
  seen.sources = parts.filter(part => part.type === 'source-url').map(part => part.url);
  seen.offered = parts.find(part => part.type === 'data-sources')?.data.map(source => source.url);
  if (chat.status === 'error') seen.state = chat.error.message;
  else if (chat.status === 'ready') seen.state = seen.stopped ? 'stopped' : 'done';
}

const clients = {
  ai(server, seen) {
    const chat = new PageChat({ id: 'chat-1', transport: new DefaultChatTransport({ api: `${server}/api/ui-chat` }) });
    const shown = setInterval(() => showChat(seen, chat), 10);
    chat.sendMessage({ text: QUESTION }).finally(() => { clearInterval(shown); showChat(seen, chat); });
    seen.resume = () => chat.resumeStream().then(() => chat.status);
    return () => { seen.stopped = true; chat.stop(); };
  },

  fetchEventSource(server, seen) {
    const stopping = new AbortController();
    stopping.signal.addEventListener('abort', () => { seen.state = 'stopped'; });
    fetchEventSource(`${server}/chat`, {
      method: 'POST', headers, body, signal: stopping.signal, openWhenHidden: true,
      onmessage: event => take(seen, event.data),
      onerror: error => fail(seen, error.message),
    });
    return () => stopping.abort();
  },

  EventSource(server, seen) {
    const source = new EventSource(`${server}/chat?question=${encodeURIComponent(QUESTION)}`);
    source.onmessage = event => take(seen, event.data);
    source.onerror = () => {
      if (seen.state !== 'done') fail(seen, 'broken');  // every end is an error to it
      seen.isClosed = source.readyState === EventSource.CLOSED;
    };
    return () => { source.close(); seen.state = 'stopped'; };
  },

  'eventsource-parser'(server, seen) {
    const stopping = new AbortController();
    let last;
    const read = async () => {
      const asked = { ...headers, ...last && { 'Last-Event-ID': last } };
      const response = await fetch(`${server}/chat`, { method: 'POST', headers: asked, body, signal: stopping.signal });
      const events = response.body.pipeThrough(new TextDecoderStream()).pipeThrough(new EventSourceParserStream());
      for await (const event of events) {
        last = event.id;
        take(seen, event.data);
      }
    };
    const again = error => {
      if (stopping.signal.aborted) { seen.state = 'stopped'; return; }
      fail(seen, error.message);
      return read().catch(again);
    };
    read().catch(again);
    return () => stopping.abort();
  },

  async openai(server, seen) {
    const client = new OpenAI({ baseURL: `${server}/v1`, apiKey: 'any', dangerouslyAllowBrowser: true });
    const asked = { model: 'lectern', messages: [{ role: 'user', content: QUESTION }], stream: true };
    const stream = await client.chat.completions.create(asked);
    const read = async () => {
      for await (const chunk of stream) {
        seen.text += chunk.choices[0]?.delta.content ?? '';
        if (chunk.sources) seen.sources = chunk.sources.map(source => source.url);
      }
      seen.state = seen.stopped ? 'stopped' : 'done';
    };
    read().catch(error => { seen.state = error.message; });
    return () => { seen.stopped = true; stream.controller.abort(); };
  },
};

window.ask = (client, server) => {
  window.seen = { text: '', sources: [], errors: [], state: 'streaming' };
  const stop = Promise.resolve(clients[client](server, window.seen));
  stop.catch(error => { window.seen.state = error.message; });
  window.stop = () => stop.then(end => end());
};
window.ready = true;
