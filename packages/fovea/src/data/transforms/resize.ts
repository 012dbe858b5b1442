import { resizeImage, shorterSideTo, type Interpolation } from "../image.ts";
import { moveSample } from "./places.ts";
import { defineTransform } from "./transform.ts";

export interface ResizeOptions {
  /** The shorter side in pixels (the aspect stays, the longer side is rounded down), or exactly [height, width]. */
  readonly size: number | readonly [height: number, width: number];
  /** Default "bilinear". Masks are always picked by "nearest". */
  readonly interpolation?: Interpolation;
}

/** Another size, byte for byte as Pillow and torchvision make it (antialiased when shrinking). */
export const resize = defineTransform<ResizeOptions>(
  "resize",
  { size: undefined, interpolation: "bilinear" },
  ({ size, interpolation }, check) => {
    check.size("size", size);
    const filter = check.interpolation(interpolation);
    return (sample) => {
      const { image } = sample;
      const to = typeof size === "number" ? shorterSideTo(image, size) : { height: size[0], width: size[1] };
      const [sx, sy] = [to.width / image.width, to.height / image.height];
      return moveSample(sample, {
        image: resizeImage(image, to, filter),
        mask: (classes) => resizeImage(classes, to, "nearest"),
        point: (x, y) => [x * sx, y * sy],
      });
    };
  },
);
