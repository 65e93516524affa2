/**
 * One line on a page, and readers can ask:
 *
 *     <script src="https://my-space.hf.space/widget.js" defer></script>
 *
 * The script's attributes are the element's (`data-title`, `data-position`, ...). A page that has a `<lectern-chat>` of its own
 * keeps it, and gets no second one; `data-element="none"` defines the element only.
 */

import { Chat } from './chat';
import { markdown as render } from './markdown';
import { events } from './service';
import { ENGLISH } from './strings';

const script = document.currentScript as HTMLScriptElement | null;
const OWN_ATTRIBUTES = ['accent'];

if (!customElements.get('lectern-chat')) {
  if (script) Chat.home = new URL('.', script.src).href;
  customElements.define('lectern-chat', Chat);
}

function stand(): void {
  if (script?.dataset.element === 'none' || document.querySelector('lectern-chat')) return;
  const chat = document.createElement('lectern-chat');
  for (const [name, value] of Object.entries(script?.dataset ?? {})) chat.setAttribute(OWN_ATTRIBUTES.includes(name) ? `data-${name}` : name, value ?? '');
  document.body.append(chat);
  // A site that swaps its whole body when the reader goes to another page must not lose it.
  new MutationObserver(() => chat.isConnected || document.querySelector('lectern-chat') || document.body.append(chat)).observe(document.documentElement, { childList: true, subtree: true });
}
if (document.readyState === 'loading') document.addEventListener('DOMContentLoaded', stand);
else stand();

const element = (): Chat | null => document.querySelector<Chat>('lectern-chat');

/** `lectern.ask('What is ROS 2?')` and its kin, for a page's own buttons. */
export const ask = (text: string): void => void element()?.ask(text);
export const open = (): void => void element()?.open();
export const close = (): void => void element()?.close();
export const markdown = (text: string): ChildNode[] => render(text, ENGLISH);
export { events };
