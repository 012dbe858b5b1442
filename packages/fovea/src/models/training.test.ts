import { describe, expect, it } from "vitest";
import { compile, init, manualSeed, models, nn, optim, rand, tensor, type Tensor } from "../index.ts";

/** What is trained, images, and a learning rate at which a few steps on one batch make the loss fall. */
const runs = [
  ["resnet20.cifar", { numClasses: 4 }, [4, 3, 32, 32], 0.05],
  ["resnet18.torchvision", { numClasses: 4 }, [4, 3, 64, 64], 0.01],
  ["alexnet.torchvision", { numClasses: 4, dropout: 0 }, [4, 3, 63, 63], 0.1],
  ["unet.milesial", { numClasses: 4, base: 4 }, [4, 3, 32, 32], 0.1],
] as const;

describe("networks learn", () => {
  for (const [name, options, shape, lr] of runs) {
    it(`${name}: a compiled step with SGD makes the loss of a batch fall`, async () => {
      await init();
      manualSeed(1);
      const model = models.create(name, options as models.ModelOptions<typeof name>);
      const optimizer = new optim.SGD(model.parameters(), { lr, momentum: 0.9, weightDecay: 1e-4 });
      const step = compile((x: Tensor, y: Tensor) => {
        const scores = model.forward(x); // [N, classes] or [N, classes, H, W]
        const rows = scores.rank === 4 ? scores.permute([0, 2, 3, 1]).reshape([-1, 4]) : scores;
        const loss = nn.crossEntropy(rows, y);
        optimizer.minimize(loss);
        return loss;
      });
      // Each image has its own brightness, and its own class.
      const x = rand(shape).add(tensor([-2, -1, 1, 2], { shape: [4, 1, 1, 1] }));
      const pixels = name === "unet.milesial" ? 32 * 32 : 1;
      const y = tensor(Int32Array.from({ length: 4 * pixels }, (_, i) => Math.floor(i / pixels)));
      const losses: number[] = [];
      for (let i = 0; i < 8; i++) losses.push(await step(x, y).item());
      expect(losses.every((v) => Number.isFinite(v))).toBe(true);
      expect(losses.at(-1)! / losses[0]!).toBeLessThan(0.8);
      step.dispose();
    });
  }
});
