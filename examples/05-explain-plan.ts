// What a compiled network does, op by op: kernels, layouts, work and times.
import assert from "node:assert/strict";
import { manualSeed, models, rand } from "fovea";

manualSeed(0);
const model = models.create("lenet5");
const predict = model.compile(); // in eval mode, without gradients
const image = rand([1, 1, 28, 28]);

const logits = await predict(image).data(); // the first call records and plans, later ones replay
const plan = predict.explainPlan({ profile: [image] });
console.log(String(plan));

const slowest = plan.rows.toSorted((a, b) => b.ms! - a.ms!)[0]!;
console.log(`${slowest.op} → [${slowest.shape.join(", ")}] takes longest`);

// 6·28²·25 + 16·10²·150 + 400·120 + 120·84 + 84·10 products
assert.equal(plan.macs, 117_600 + 240_000 + 48_000 + 10_080 + 840);
// A batch of another size is another plan, of the same packed weights.
const batch = await predict(rand([16, 1, 28, 28])).data();
assert.deepEqual([logits.length, batch.length, predict.plans.size], [10, 160, 2]);
