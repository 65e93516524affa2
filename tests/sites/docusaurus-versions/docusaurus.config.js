import addresses from '../addresses.mjs';

export default {
  title: 'Versions and locales',
  url: 'https://example.github.io',
  baseUrl: '/my-book/',
  trailingSlash: true,
  onBrokenLinks: 'ignore',
  onBrokenAnchors: 'ignore',
  i18n: {defaultLocale: 'en', locales: ['en', 'fr']},
  plugins: [addresses],
  presets: [['classic', {docs: {routeBasePath: '/'}, blog: false, pages: false}]],
};
