// Whether cost grows as the work does: time per image at batch 1 to 64, and time per pixel at 112 to 448 pixels.
import { prepare, withContestants, withFolder } from "../job.mjs";
import { chooseNetworks } from "../networks.mjs";
import { ours } from "../peers.mjs";
import { race, round, median } from "../race.mjs";

/** Images from which cost should be proportional. */
const BASE = 4;

export const defaults = {
  models: "resnet18,resnet50,mobilenetv2",
  batch: "1,4,16,64",
  against: { native: "", wasm: "" },
};
const SIZES = [112, 224, 448];

export async function run({ models, batches, threads, engines, rounds, record }) {
  for (const network of chooseNetworks(models)) {
    for (const engine of engines) {
      for (const t of threads) {
        const time = (batch, size) => secondsPerBatch({ network, batch, size, engine, threads: t, rounds });
        const base = (await time(BASE, 224)) / BASE;
        const row = (model, batch, perImage, expected) => {
          const given = { suite: "scaling", model, batch, threads: t, engine, peer: `batch ${BASE} at 224 pixels` };
          const rates = { ours: round(1 / perImage), theirs: round(1 / expected), unit: "images/s" };
          record({ ...given, ...rates, ratio: round(expected / perImage), maxError: null });
        };
        for (const batch of batches) row(network, batch, (await time(batch, 224)) / batch, base);
        for (const size of SIZES) {
          row(`${network} at ${size}`, BASE, (await time(BASE, size)) / BASE, base * (size / 224) ** 2);
        }
      }
    }
  }
}

async function secondsPerBatch({ network, batch, size, engine, threads, rounds }) {
  const input = [3, size, size];
  return withFolder(async (folder) => {
    prepare({ network, folder, batch, input });
    const job = { task: "inference", network, folder, batch, input, threads, engine };
    return withContestants([ours], job, async ([mine]) => {
      await mine.run(1);
      const [times] = await race([mine], { rounds });
      return median(times);
    });
  });
}
