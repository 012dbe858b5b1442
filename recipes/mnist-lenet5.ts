// LeNet-5 (the layout of today, 61,706 parameters) on MNIST: at least 99.0 %.
import { models } from "fovea";
import { trainMnist } from "./_mnist.ts";

await trainMnist({
  model: () => models.create("lenet5"),
  epochs: 12,
  lr: 3e-3,
  move: 0.07,
  turn: 8,
  grow: 0.08,
  labelSmoothing: 0,
  target: 0.99,
});
