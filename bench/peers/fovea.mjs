// Ours, through the public API: one compiled prediction, or one compiled training step.
import * as fovea from "../fovea.mjs";
import { createNetwork } from "../networks.mjs";
import { SGD } from "../sgd.mjs";
import { eachWeight, job, labels, readInput } from "./files.mjs";
import { serve } from "./protocol.mjs";

const { compile, crossEntropy, init, optim, setThreads, tensor } = fovea;
await init({ engine: job.engine });
setThreads(job.threads);
await init({ engine: job.engine }); // the threads asked for have started

const model = createNetwork(job.network);
const weights = new Map();
for (const [name, { shape, dtype, read }] of eachWeight()) weights.set(name, tensor(read, { shape, dtype }));
model.loadStateDict(weights);
const x = tensor(readInput(), { shape: [job.batch, ...job.input] });

if (job.task === "inference") {
  model.eval();
  const predict = compile((images) => model.forward(images));
  await serve("this tree", async () => predict(x).data());
} else {
  const optimizer = new optim.SGD(model.parameters(), SGD);
  const step = compile((images, classes) => {
    const loss = crossEntropy(model.forward(images), classes);
    optimizer.minimize(loss);
    return loss;
  });
  const y = targets();
  await serve(
    "this tree",
    () => step(x, y),
    (loss) => loss.item(),
  );
}

/** A label per image, or per pixel where the network labels pixels. */
function targets() {
  model.eval();
  const { shape } = compile((images) => model.forward(images))(x);
  model.train();
  const [batch, classes, ...pixels] = shape;
  const size = batch * pixels.reduce((a, d) => a * d, 1);
  return tensor(labels(size, Math.min(classes, 10)), { shape: [batch, ...pixels] });
}
