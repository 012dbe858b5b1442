import { Html } from "./html.ts";

/** The report's one style sheet; light and dark by the reader's preference. */
export const style = new Html(`
:root {
  color-scheme: light dark;
  --page: #f6f7f9; --card: #ffffff; --border: #e3e6eb; --text: #1b1f27; --muted: #667085; --grid: #eceef2;
  --train: #6b7fd7; --validation: #0f9d76; --right: #0f9d76; --wrong: #d64545; --cell: #f1f3f6; --on-fill: #ffffff;
}
@media (prefers-color-scheme: dark) {
  :root {
    --page: #0f1216; --card: #171b21; --border: #282e37; --text: #e7eaf0; --muted: #98a2b3; --grid: #232932;
    --train: #8fa2ff; --validation: #34d399; --right: #1fa97c; --wrong: #ef6a6a; --cell: #1e242c; --on-fill: #ffffff;
  }
}
* { box-sizing: border-box; }
body {
  margin: 0; background: var(--page); color: var(--text);
  font: 15px/1.55 system-ui, -apple-system, "Segoe UI", Roboto, "Helvetica Neue", Arial, sans-serif;
}
main { max-width: 1180px; margin: 0 auto; padding: 40px 24px 64px; }
header { display: flex; flex-wrap: wrap; align-items: baseline; gap: 4px 16px; margin-bottom: 20px; }
h1 { font-size: 28px; line-height: 1.2; margin: 0; letter-spacing: -0.02em; }
h2 { font-size: 16px; margin: 0 0 2px; letter-spacing: -0.005em; }
.muted { color: var(--muted); }
.note { color: var(--muted); font-size: 13px; margin: 0 0 14px; }
.card { background: var(--card); border: 1px solid var(--border); border-radius: 12px; padding: 20px 22px; margin-bottom: 16px; min-width: 0; }
.columns { display: grid; grid-template-columns: repeat(2, minmax(0, 1fr)); gap: 16px; }
.columns > .card { margin-bottom: 0; }
.columns { margin-bottom: 16px; }
.matrix { grid-template-columns: minmax(0, 1.15fr) minmax(0, 1fr); }
@media (max-width: 860px) { .columns, .matrix { grid-template-columns: minmax(0, 1fr); } }
.tiles { display: grid; grid-template-columns: repeat(auto-fit, minmax(150px, 1fr)); gap: 16px; margin-bottom: 16px; }
.tile { background: var(--card); border: 1px solid var(--border); border-radius: 12px; padding: 14px 18px; }
.tile b { display: block; font-size: 24px; line-height: 1.3; font-weight: 650; letter-spacing: -0.02em; font-variant-numeric: tabular-nums; }
.tile span { color: var(--muted); font-size: 13px; }
.tile.lead b { color: var(--validation); }
svg { display: block; width: 100%; height: auto; overflow: visible; }
.matrix svg { max-width: 560px; margin: 0 auto; }
.key { display: inline-flex; align-items: center; gap: 6px; margin-right: 16px; }
.key i { width: 14px; height: 3px; border-radius: 2px; }
table { width: 100%; border-collapse: collapse; font-variant-numeric: tabular-nums; }
th { text-align: left; font-weight: 500; color: var(--muted); font-size: 13px; }
th, td { padding: 6px 8px; border-bottom: 1px solid var(--border); }
tr:last-child td, tr:last-child th { border-bottom: 0; }
th:not(:first-child), td:not(:first-child) { text-align: right; }
.facts th { width: 42%; vertical-align: top; font-weight: 400; white-space: nowrap; }
.facts td { text-align: left !important; overflow-wrap: anywhere; }
.pictures { display: grid; grid-template-columns: repeat(16, minmax(0, 1fr)); gap: 10px 8px; }
.pictures.large { grid-template-columns: repeat(12, minmax(0, 1fr)); }
.pictures.filters { grid-template-columns: repeat(auto-fill, 76px); }
@media (max-width: 860px) { .pictures { grid-template-columns: repeat(8, minmax(0, 1fr)); } .pictures.large { grid-template-columns: repeat(6, minmax(0, 1fr)); } }
figure { margin: 0; }
figure img { display: block; width: 100%; aspect-ratio: 1; object-fit: contain; image-rendering: pixelated; border-radius: 6px; background: #000; }
figure.wrong img { outline: 2px solid var(--wrong); outline-offset: -1px; }
figcaption { font-size: 12px; line-height: 1.35; text-align: center; color: var(--muted); margin-top: 3px; font-variant-numeric: tabular-nums; }
figure.wrong figcaption { color: var(--wrong); }
.diagnoses { margin: 0; padding-left: 20px; }
.diagnoses li { margin: 4px 0; }
code { font: 13px/1.5 ui-monospace, SFMono-Regular, Menlo, Consolas, monospace; background: var(--cell); border-radius: 6px; padding: 2px 6px; }
footer { color: var(--muted); font-size: 13px; margin-top: 24px; }
`);
