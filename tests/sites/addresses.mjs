// A Docusaurus plugin: after the build, says in build/addresses.json which source file became which page.
import {existsSync, readFileSync, writeFileSync} from 'node:fs';
import {join} from 'node:path';

export default function addresses() {
  return {
    name: 'addresses',
    async postBuild({plugins, siteDir}) {
      const file = join(siteDir, 'addresses.json');
      const found = existsSync(file) ? JSON.parse(readFileSync(file, 'utf8')) : {};
      const docs = plugins.find((plugin) => plugin.name === 'docusaurus-plugin-content-docs');
      for (const version of docs.content.loadedVersions) {
        for (const doc of version.docs) {
          found[doc.source.replace('@site/', '')] ??= doc.permalink;
        }
      }
      writeFileSync(file, JSON.stringify(found));
    },
  };
}
