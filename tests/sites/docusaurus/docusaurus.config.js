import addresses from '../addresses.mjs';

export default {
  title: 'Awkward pages',
  url: 'https://example.github.io',
  baseUrl: '/my-book/',
  onBrokenLinks: 'ignore',
  onBrokenAnchors: 'ignore',
  plugins: [addresses],
  presets: [['classic', {docs: {routeBasePath: 'docs'}, blog: false, pages: false}]],
};
