import { defineConfig } from 'vite';

// One file that any page can load: no module, no style sheet, nothing fetched but answers.
export default defineConfig({
  build: {
    outDir: '..',
    emptyOutDir: false,
    target: 'es2022',
    lib: { entry: 'src/index.ts', name: 'lectern', formats: ['iife'], fileName: () => 'widget.js' },
  },
});
