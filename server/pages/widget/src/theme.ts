/** The site's own look: dark or light, and its accent, made readable. */

type Colour = [number, number, number];

const ACCENTS = ['--ifm-color-primary', '--md-primary-fg-color', '--vp-c-brand-1', '--sl-color-accent'];
const DARK = /\b(dark|slate|navy|coal|ayu)\b/;
const LIGHT = /\b(light|default|rust)\b/;
const READABLE = 4.5;

/** Whether the site shows itself dark: by what its generator writes on the page, else as the reader's system says. */
export function isDark(): boolean {
  const { documentElement: html, body } = document;
  for (const one of [html, body])
    for (const said of [one.dataset.theme, one.dataset.mdColorScheme, one.dataset.bsTheme, one.className]) {
      if (said && DARK.test(said)) return true;
      if (said && LIGHT.test(said)) return false;
    }
  return matchMedia('(prefers-color-scheme: dark)').matches;
}

/** Set the accent's two variables on the host: as text on the paper, and as what stands on it as a ground. */
export function applyTheme(host: HTMLElement, own: string | null): void {
  const dark = isDark();
  host.dataset.scheme = dark ? 'dark' : 'light';
  const accent = colourOf(host, own ?? siteAccent()) ?? (dark ? [141, 184, 232] : [49, 92, 140]);
  const [paper, ink]: [Colour, Colour] = dark ? [[23, 26, 31], [255, 255, 255]] : [[255, 255, 255], [0, 0, 0]];
  let text = accent;
  for (let share = 0.1; contrast(text, paper) < READABLE + 0.6 && share <= 1; share += 0.1) text = mixed(accent, ink, share);
  const onAccent: Colour = contrast(text, [255, 255, 255]) >= READABLE ? [255, 255, 255] : [16, 18, 22];
  host.style.setProperty('--accent', `rgb(${text.join(' ')})`);
  host.style.setProperty('--on-accent', `rgb(${onAccent.join(' ')})`);
}

/** Call back whenever the site changes its look. Returns what ends that. */
export function watchTheme(changed: () => void): () => void {
  const system = matchMedia('(prefers-color-scheme: dark)');
  const watch = new MutationObserver(changed);
  for (const one of [document.documentElement, document.body])
    watch.observe(one, { attributes: true, attributeFilter: ['class', 'data-theme', 'data-md-color-scheme', 'data-md-color-primary', 'data-bs-theme', 'style'] });
  system.addEventListener('change', changed);
  return () => (watch.disconnect(), system.removeEventListener('change', changed));
}

function siteAccent(): string {
  for (const one of [document.body, document.documentElement]) {
    const style = getComputedStyle(one);
    for (const name of ACCENTS) if (style.getPropertyValue(name).includes('#') || style.getPropertyValue(name).includes('(')) return style.getPropertyValue(name).trim();
  }
  return '';
}

/** What the browser makes of a CSS colour; null: it is none. */
function colourOf(host: HTMLElement, css: string): Colour | null {
  if (!css || !CSS.supports('color', css)) return null;
  host.style.color = css;
  const found = getComputedStyle(host).color.match(/^rgba?\((\d+), (\d+), (\d+)/);
  host.style.color = '';
  return found ? [Number(found[1]), Number(found[2]), Number(found[3])] : null;
}

const mixed = (a: Colour, b: Colour, share: number): Colour => a.map((value, n) => Math.round(value + ((b[n] ?? 0) - value) * share)) as Colour;

/** WCAG 2.2's ratio, 1 to 21. */
function contrast(a: Colour, b: Colour): number {
  const [brighter, darker] = [luminance(a), luminance(b)].sort((x, y) => y - x) as [number, number];
  return (brighter + 0.05) / (darker + 0.05);
}

function luminance(colour: Colour): number {
  const [r, g, b] = colour.map((value) => (value / 255 <= 0.04045 ? value / 255 / 12.92 : ((value / 255 + 0.055) / 1.055) ** 2.4)) as Colour;
  return 0.2126 * r + 0.7152 * g + 0.0722 * b;
}
