import { FoveaError } from "../base/errors.ts";
import { imageFolder } from "../data/datasets/imageFolder.ts";
import { DataLoader } from "../data/loader.ts";
import { pictureOptions } from "../data/pictureOptions.ts";
import type { Preprocessing } from "../data/preprocess.ts";
import type { ModelSpec } from "./model.ts";

/** The test pictures of a folder (or those of the validation) as a fine-tuned network takes them. */
export async function testPictures(
  folder: string,
  { model, classes }: ModelSpec,
  preprocessing: Preprocessing,
  say: (line: string) => void,
): Promise<DataLoader> {
  const { train, validation = train, test = validation } = await imageFolder(folder);
  if (test.classes.join("\n") !== classes.join("\n")) {
    throw new FoveaError(
      `this ${model} knows the classes ${classes.join(", ")}, but ${folder} has ${test.classes.join(", ")}`,
    );
  }
  if (test === train)
    say(`${folder} has no test and no validation part: these are all its pictures, the learnt ones too`);
  return new DataLoader(test, {
    shuffle: false,
    onBadSample: ({ error }) => say(`left out: ${error.message}`),
    ...pictureOptions(preprocessing),
  });
}
