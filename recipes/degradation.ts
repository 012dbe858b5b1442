// Plain and residual networks of 20 and 56 layers on CIFAR-10 at equal steps (He et al., 2015, figures 1 and 6).
process.argv.push("--full");
await import("../examples/09-degradation.ts");
