// Bundles js/src into what the Python package ships: index.js (one explanation) and boards.js (many side by side, or over
// rows), ES modules which anywidget imports, and a style sheet for each. esbuild bundles; terser makes the scripts four per
// cent smaller. `--watch` rebuilds on every change; `--outdir=DIR` writes elsewhere.
import { readFileSync, writeFileSync } from "node:fs";
import { dirname, join, relative, resolve } from "node:path";
import { fileURLToPath } from "node:url";
import { parseArgs } from "node:util";
import { gzipSync } from "node:zlib";
import * as esbuild from "esbuild";
import { minify } from "terser";

const root = dirname(dirname(fileURLToPath(import.meta.url)));
const { values: args } = parseArgs({
  options: {
    watch: { type: "boolean", default: false },
    outdir: { type: "string", default: join(root, "jupyter_xai", "widget", "static") },
  },
});
const outdir = resolve(args.outdir);
const target = "es2022";
const scripts = ["index", "boards"];

/** Minifies once more, what esbuild leaves. */
const smaller = {
  name: "smaller",
  setup(build) {
    build.onEnd(async (result) => {
      if (args.watch || result.errors.length > 0) return;
      for (const name of scripts) {
        const file = join(outdir, `${name}.js`);
        const how = { module: true, compress: { passes: 3 }, ecma: 2020 };
        const { code } = await minify(readFileSync(file, "utf8"), how);
        writeFileSync(file, code);
      }
    });
  },
};

/** Says what was written, and how large it is on the wire. */
const report = {
  name: "report",
  setup(build) {
    build.onEnd((result) => {
      for (const file of result.errors.length > 0 ? [] : Object.keys(result.metafile.outputs)) {
        const bytes = readFileSync(join(root, file));
        const [plain, zipped] = [bytes.length, gzipSync(bytes, { level: 9 }).length].map((n) => (n / 1000).toFixed(1));
        console.log(`${relative(root, join(root, file))}: ${plain} kB, ${zipped} kB gzipped`);
      }
    });
  },
};

/** @type {esbuild.BuildOptions} */
const options = {
  absWorkingDir: root,
  entryPoints: [
    ...scripts.map((name) => ({ in: join(root, "js", "src", `${name}.ts`), out: name })),
    { in: join(root, "js", "src", "styles.css"), out: "index" },
    { in: join(root, "js", "src", "boards.css"), out: "boards" },
  ],
  outdir,
  bundle: true,
  format: "esm",
  target,
  // by h(name, props, ...children) and not by a runtime of its own: half a kilobyte less, gzipped
  tsconfigRaw: { compilerOptions: { jsx: "react", jsxFactory: "h", jsxFragmentFactory: "Fragment" } },
  inject: [join(root, "js", "src", "jsx.ts")],
  minify: !args.watch,
  sourcemap: args.watch ? "inline" : false,
  legalComments: "none",
  charset: "utf8",
  define: { "process.env.NODE_ENV": args.watch ? '"development"' : '"production"' },
  metafile: true,
  logLevel: "warning",
  plugins: [smaller, report],
};

if (args.watch) {
  const context = await esbuild.context(options);
  await context.watch();
} else {
  // esbuild has printed the errors by then: a stack trace of ours would only hide them
  await esbuild.build(options).catch(() => process.exit(1));
}
