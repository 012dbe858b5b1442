import { html, type Html } from "./html.ts";
import { style } from "./style.ts";

/** What stands above a page. */
export interface PageHead {
  readonly heading: string;
  /** What the browser calls the page; default the heading. */
  readonly title?: string;
  /** In small letters beside the heading. */
  readonly note: string;
}

/** A whole document that needs nothing but itself. */
export function page({ heading, title = heading, note }: PageHead, body: Html): string {
  return html`<!doctype html>
    <html lang="en">
      <head>
        <meta charset="utf-8" />
        <meta name="viewport" content="width=device-width, initial-scale=1" />
        <title>${title}</title>
        <style>
          ${style}
        </style>
      </head>
      <body>
        <main>
          <header>
            <h1>${heading}</h1>
            <span class="muted">${note}</span>
          </header>
          ${body}
        </main>
      </body>
    </html> `.text;
}

/** A part of a page with its own heading, and a note on how to read it. */
export function card(title: string, note: string | Html, body: Html): Html {
  return html`<section class="card">
    <h2>${title}</h2>
    <p class="note">${note}</p>
    ${body}
  </section>`;
}
