// Builds the page into src/page/dist, from where CMake takes it. Names are fixed: browsers ask with ETags.
import { defineConfig } from 'vite';

// Fonts that TeX in answers hardly ever needs; the browser makes bold or slanted letters of the plain ones instead.
const RARE_FONTS = /KaTeX_(Caligraphic-Bold|Fraktur-Bold|SansSerif-Bold|SansSerif-Italic|Main-BoldItalic)/;

// KaTeX's style sheet names each font three times; every browser that can run the page takes woff2.
const onlyWoff2 = {
  name: 'only-woff2',
  enforce: 'pre',
  transform(code, id) {
    if (!id.includes('katex') || !id.includes('.css')) return null;
    return code
      .replace(/@font-face\s*\{[^}]*\}/g, (face) => (RARE_FONTS.test(face) ? '' : face))
      .replace(/,\s*url\([^)]*\.(woff|ttf)\)\s*format\([^)]*\)/g, '');
  },
};

export default defineConfig({
  base: './',
  plugins: [onlyWoff2],
  oxc: { jsx: { runtime: 'automatic', importSource: 'preact' } },
  build: {
    outDir: process.env.PAGE_OUT || '../src/page/dist',
    emptyOutDir: true,
    assetsDir: '',
    assetsInlineLimit: 0,
    target: ['chrome110', 'firefox115', 'safari16.4'],
    modulePreload: false,
    reportCompressedSize: true,
    rolldownOptions: {
      output: {
        entryFileNames: 'app.js',
        chunkFileNames: '[name].js',
        assetFileNames: (file) => (file.names?.[0] === 'index.css' ? 'app.css' : '[name][extname]'),
      },
    },
  },
  server: { proxy: Object.fromEntries(['/v1', '/health', '/props', '/slots', '/metrics'].map((p) => [p, 'http://127.0.0.1:8080'])) },
});
