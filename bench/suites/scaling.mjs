// Whether cost grows as the work does: batches of 1 to 64 and images of 112 to 448 pixels against batches of 4 at 224 pixels.
// Work is multiply–accumulates, which are not quite the pixels: at 112 the last maps of a ResNet have 4×4 units, not 3.5×3.5.
import { nn } from "../fovea.mjs";
import { prepare, withContestants, withFolder } from "../job.mjs";
import { chooseNetworks, createNetwork } from "../networks.mjs";
import { ours } from "../peers.mjs";
import { race, round, versus } from "../race.mjs";

export const defaults = {
  models: "resnet18,resnet50,mobilenetv2",
  batch: "1,4,16,64",
  against: { native: "", wasm: "" },
};
const SIZES = [112, 224, 448];

/** From this batch on cost should be proportional. */
const base = { batch: 4, size: 224 };

export async function run({ models, batches, threads, engines, rounds, record }) {
  for (const network of chooseNetworks(models)) {
    const model = createNetwork(network);
    const macs = ({ batch, size }) => nn.summarize(model, [batch, 3, size, size]).macs;
    const cases = [
      ...batches.map((batch) => ({ label: network, batch, size: base.size })),
      ...SIZES.map((size) => ({ label: `${network} at ${size}`, batch: base.batch, size })),
    ];
    for (const engine of engines) {
      for (const t of threads) {
        const given = { suite: "scaling", threads: t, engine, peer: `batch ${base.batch} at ${base.size} pixels` };
        const about = { network, engine, threads: t };
        await withOurs({ ...about, ...base }, async (reference) => {
          for (const { label, batch, size } of cases) {
            await withOurs({ ...about, batch, size }, async (mine) => {
              const [times, unit] = await race([mine, reference], { rounds });
              const work = macs({ batch, size }) / macs(base);
              const proportional = unit.map((seconds) => seconds * work);
              const v = versus(times, proportional);
              const rates = { ours: round(batch / v.ours), theirs: round(batch / v.theirs), unit: "images/s" };
              record({ ...given, model: label, batch, ...rates, ratio: v.ratio, maxError: null }, v.spread);
            });
          }
        });
      }
    }
  }
}

/** Runs `fn` with a process of ours that has predicted once. */
function withOurs({ network, engine, threads, batch, size }, fn) {
  const input = [3, size, size];
  return withFolder((folder) => {
    prepare({ network, folder, batch, input });
    const job = { task: "inference", network, folder, batch, input, threads, engine };
    return withContestants([ours], job, async ([mine]) => {
      await mine.run(1);
      return fn(mine);
    });
  });
}
