import { expect, it } from "vitest";
import { models } from "../index.ts";

/** https://keras.io/api/applications/ as printed in 2024: size in MB, exact parameters, depth. */
const printed = {
  Xception: [88, 22_910_480, 81],
  VGG16: [528, 138_357_544, 16],
  VGG19: [549, 143_667_240, 19],
  ResNet50: [98, 25_636_712, 107],
  ResNet50V2: [98, 25_613_800, 103],
  ResNet101: [171, 44_707_176, 209],
  ResNet101V2: [171, 44_675_560, 205],
  ResNet152: [232, 60_419_944, 311],
  ResNet152V2: [232, 60_380_648, 307],
  InceptionV3: [92, 23_851_784, 189],
  InceptionResNetV2: [215, 55_873_736, 449],
  MobileNet: [16, 4_253_864, 55],
} as const;

it("Keras' table of twelve networks: parameters and depth exactly, sizes within 2 MB", () => {
  const table = models.kerasTable();
  expect(table.map(({ model }) => model)).toEqual(Object.keys(printed));
  for (const { model, sizeMB, parameters, depth } of table) {
    const [size, exact, layers] = printed[model as keyof typeof printed];
    expect([model, parameters, depth]).toEqual([model, exact, layers]);
    expect(Math.abs(sizeMB - size)).toBeLessThanOrEqual(2);
  }
});
