/** Learning rate and momentum of every training step. */
export const SGD = { lr: 0.01, momentum: 0.9 };
