import { UsageError } from "../base/errors.ts";
import { planesOf, type Images, type Planes } from "./images.ts";
import { matrix, type Matrix } from "./matrix.ts";

export interface HogOptions {
  /** Directions of gradients told apart, over half a turn; default 9. */
  readonly orientations?: number;
  /** Height and width of a cell; default [8, 8]. */
  readonly pixelsPerCell?: readonly [number, number];
  /** Rows and columns of cells in a block; default [3, 3]. */
  readonly cellsPerBlock?: readonly [number, number];
  /** How a block is scaled; default "L2-Hys": to length 1, cut at 0.2, to length 1 again. */
  readonly blockNorm?: "L1" | "L1-sqrt" | "L2" | "L2-Hys";
  /** Take the root of each value first, against differences of light; default false. */
  readonly transformSqrt?: boolean;
}

/** Descriptors of blocks: row (image · blockRows + row) · blockColumns + column. */
export interface HogBlocks {
  readonly descriptors: Matrix;
  readonly blockRows: number;
  readonly blockColumns: number;
}

const EPSILON = 1e-5;

/**
 * Histograms of oriented gradients (Dalal and Triggs, 2005) with scikit-image's conventions: central differences that are 0
 * at the border, of several channels the strongest, no blending between bins, blocks that overlap by all but one cell.
 *
 * [N, C, H, W] → [N, blocks · cells · orientations].
 */
export async function hog(images: Images, options: HogOptions = {}): Promise<Matrix> {
  const { count } = await planesOf(images, "hog");
  const { descriptors } = await hogBlocks(images, options);
  return { rows: count, columns: descriptors.values.length / count, values: descriptors.values };
}

/** The blocks that `hog` joins, one to a row: dense descriptors of patches. */
export async function hogBlocks(images: Images, options: HogOptions = {}): Promise<HogBlocks> {
  const { orientations = 9, pixelsPerCell = [8, 8], cellsPerBlock = [3, 3] } = options;
  const { blockNorm = "L2-Hys", transformSqrt = false } = options;
  const planes = await planesOf(images, "hog");
  const { count, height, width } = planes;
  const [cellRows, cellColumns] = [Math.floor(height / pixelsPerCell[0]), Math.floor(width / pixelsPerCell[1])];
  const [blockRows, blockColumns] = [cellRows - cellsPerBlock[0] + 1, cellColumns - cellsPerBlock[1] + 1];
  if (!(blockRows > 0 && blockColumns > 0)) {
    throw new UsageError(
      `hog: images of ${height} × ${width} have ${cellRows} × ${cellColumns} cells of ${pixelsPerCell.join(" × ")} pixels, ` +
        `fewer than a block of ${cellsPerBlock.join(" × ")}; take smaller cells or blocks`,
    );
  }
  const perBlock = cellsPerBlock[0] * cellsPerBlock[1] * orientations;
  const found = matrix(count * blockRows * blockColumns, perBlock);
  const cells = new Float64Array(cellRows * cellColumns * orientations);
  let at = 0;
  for (let n = 0; n < count; n++) {
    fillCells(planes, n, cells, { orientations, pixelsPerCell, transformSqrt });
    for (let r = 0; r < blockRows; r++) {
      for (let c = 0; c < blockColumns; c++) {
        const block = found.values.subarray(at, at + perBlock);
        const row = cellsPerBlock[1] * orientations;
        for (let i = 0; i < cellsPerBlock[0]; i++) {
          const from = ((r + i) * cellColumns + c) * orientations;
          block.set(cells.subarray(from, from + row), i * row);
        }
        normalise(block, blockNorm);
        at += perBlock;
      }
    }
  }
  return { descriptors: found, blockRows, blockColumns };
}

/** Sums gradients by direction in each cell of one image, as means over the cell's pixels. */
function fillCells(
  { channels, height, width, values }: Planes,
  image: number,
  cells: Float64Array,
  {
    orientations,
    pixelsPerCell,
    transformSqrt,
  }: Required<Pick<HogOptions, "orientations" | "pixelsPerCell" | "transformSqrt">>,
): void {
  const [cellHeight, cellWidth] = pixelsPerCell;
  const cellColumns = Math.floor(width / cellWidth);
  const rows = Math.floor(height / cellHeight) * cellHeight;
  const columns = cellColumns * cellWidth;
  const binsPerRadian = orientations / Math.PI;
  const value = (i: number) => (transformSqrt ? Math.sqrt(values[i]!) : values[i]!);
  cells.fill(0);
  for (let y = 0; y < rows; y++) {
    for (let x = 0; x < columns; x++) {
      let down = 0;
      let right = 0;
      let strength = -1;
      for (let c = 0; c < channels; c++) {
        const i = ((image * channels + c) * height + y) * width + x;
        const dy = y > 0 && y < height - 1 ? value(i + width) - value(i - width) : 0;
        const dx = x > 0 && x < width - 1 ? value(i + 1) - value(i - 1) : 0;
        const size = dx * dx + dy * dy;
        if (size > strength) {
          strength = size;
          down = dy;
          right = dx;
        }
      }
      if (strength === 0) continue;
      let angle = Math.atan2(down, right);
      if (angle < 0) angle += Math.PI;
      const bin = Math.floor(angle * binsPerRadian) % orientations; // half a turn is no turn
      const cell = Math.floor(y / cellHeight) * cellColumns + Math.floor(x / cellWidth);
      cells[cell * orientations + bin]! += Math.sqrt(strength) / (cellHeight * cellWidth);
    }
  }
}

function normalise(block: Float64Array, norm: NonNullable<HogOptions["blockNorm"]>): void {
  const scaleToLength = (): void => {
    let squares = EPSILON ** 2;
    for (const v of block) squares += v * v;
    const length = Math.sqrt(squares);
    for (let i = 0; i < block.length; i++) block[i]! /= length;
  };
  if (norm === "L1" || norm === "L1-sqrt") {
    let sum = EPSILON;
    for (const v of block) sum += v;
    for (let i = 0; i < block.length; i++) block[i] = norm === "L1" ? block[i]! / sum : Math.sqrt(block[i]! / sum);
    return;
  }
  scaleToLength();
  if (norm === "L2") return;
  for (let i = 0; i < block.length; i++) block[i] = Math.min(block[i]!, 0.2);
  scaleToLength();
}
