import { encodePng } from "../../data/writeImage.ts";
import { html, type Html } from "./html.ts";

/** An image of a report with a few words below. */
export interface Picture {
  /** Planes [C, H, W], 0 … 255. */
  readonly pixels: Uint8Array;
  readonly shape: readonly [number, number, number];
  readonly caption: string;
  /** A sentence for those who point at it, and for screen readers. */
  readonly title: string;
  readonly wrong?: boolean;
}

/** The weights of a first layer, one grey or colour image per output channel. */
export interface Filters {
  /** Name of the parameter. */
  readonly name: string;
  /** [out, in, height, width] */
  readonly shape: readonly number[];
  readonly weights: ArrayLike<number>;
}

export async function pictures(list: readonly Picture[], className = ""): Promise<Html> {
  const figures = list.map(
    async ({ pixels, shape, caption, title, wrong }) =>
      html`<figure class="${wrong ? "wrong" : ""}" title="${title}">
        <img src="${await pngDataUri(pixels, shape)}" alt="${title}" />
        <figcaption>${caption}</figcaption>
      </figure>`,
  );
  return html`<div class="pictures ${className}">${await Promise.all(figures)}</div>`;
}

/** A PNG of planes [C, H, W] as a `data:` address: colour of 3 channels, else the first in grey. */
export async function pngDataUri(
  planes: Uint8Array,
  [channels, height, width]: readonly [number, number, number],
): Promise<string> {
  const size = height * width;
  const shown = channels === 3 ? 3 : 1;
  const pixels = new Uint8Array(size * shown);
  for (let c = 0; c < shown; c++) for (let i = 0; i < size; i++) pixels[i * shown + c] = planes[c * size + i]!;
  const png = await encodePng({ pixels, width, height, channels: shown });
  return `data:image/png;base64,${Buffer.from(png).toString("base64")}`;
}

/** Filters as pictures: middle grey is 0, and all share one scale, so that strong ones look strong. */
export function filterPictures({ shape, weights }: Filters): Picture[] {
  const [count = 0, channels = 1, height = 1, width = 1] = shape;
  let most = 0;
  for (let i = 0; i < weights.length; i++) most = Math.max(most, Math.abs(weights[i]!));
  const scale = most === 0 ? 0 : 127.5 / most;
  const shown = channels === 3 ? 3 : 1; // of other depths the first plane
  return Array.from({ length: Math.min(count, 64) }, (_, filter) => {
    const pixels = new Uint8Array(shown * height * width);
    const from = filter * channels * height * width;
    for (let i = 0; i < pixels.length; i++) pixels[i] = Math.round(127.5 + scale * weights[from + i]!);
    return { pixels, shape: [shown, height, width], caption: String(filter), title: `filter ${filter}` };
  });
}
