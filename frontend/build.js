// Bundles the front end into static/dist/ (ignored by git): `npm run build`, or `npm run watch`.
import { context, build } from "esbuild";

const options = {
  entryPoints: { app: "frontend/js/app.js", theme: "frontend/js/theme.js", slipway: "frontend/css/index.css" },
  outdir: "static/dist",
  bundle: true,
  minify: true,
  sourcemap: false,
  format: "iife",
  target: ["es2022", "chrome123", "firefox121", "safari17.5"],
  loader: { ".svg": "dataurl" },
  legalComments: "none",
  logLevel: "info",
};

if (process.argv.includes("--watch")) {
  await (await context(options)).watch();
} else {
  await build(options);
}
