import { describe, expect, it } from "vitest";
import { maskOfPicture, maskOfShapes } from "./masks.ts";

/** Rows of a mask as text. */
function rows({ width, height, classes }: { width: number; height: number; classes: Uint8Array }): string[] {
  return Array.from({ length: height }, (_, y) => [...classes.subarray(y * width, (y + 1) * width)].join(""));
}

describe("maskOfShapes", () => {
  it("fills pixels whose middle is inside, later shapes over earlier ones", () => {
    const shapes = [
      { label: 1, polygons: [[1, 0, 4, 0, 4, 3, 1, 3]] },
      { label: 2, polygons: [[3.4, 0.6, 9, 0.6, 9, 2, 3.4, 2]] }, // cut at the border; (3.5, 1.5) is inside
    ];
    expect(rows(maskOfShapes({ shapes }, 5, 4, "x"))).toEqual(["01110", "01122", "01110", "00000"]);
  });

  it("leaves holes by the even–odd rule", () => {
    // A square with a square hole, drawn as one line that crosses over and back.
    const ring = [0, 0, 5, 0, 5, 5, 0, 5, 0, 0, 2, 2, 3, 2, 3, 3, 2, 3, 2, 2];
    expect(rows(maskOfShapes({ shapes: [{ label: 1, polygons: [ring] }] }, 5, 5, "x"))[2]).toBe("11011");
  });

  it("fills runs down the columns", () => {
    const rle = { width: 3, height: 2, counts: [1, 2, 2, 99] };
    expect(rows(maskOfShapes({ shapes: [{ label: 7, rle }] }, 3, 2, "x"))).toEqual(["070", "707"]);
    expect(() => maskOfShapes({ shapes: [{ label: 7, rle }] }, 2, 2, "x.jpg")).toThrow(
      "x.jpg is 2 × 2, but a mask of it 3 × 2",
    );
  });
});

it("maskOfPicture takes greys or colours for classes; others do not count", () => {
  const picture = { width: 3, height: 1, pixels: Uint8Array.of(0, 0, 0, 255, 255, 255, 128, 0, 0) };
  const classes = (mask: object) => [...maskOfPicture(picture, { file: "m.png", ...mask }).classes];
  expect(classes({})).toEqual([0, 255, 128]);
  expect(classes({ greys: [0, 255] })).toEqual([0, 1, 255]);
  expect(classes({ colors: [0, 0x800000] })).toEqual([0, 255, 1]);
});
