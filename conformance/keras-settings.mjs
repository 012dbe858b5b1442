// What each of keras-js' vectors is a test of: their files hold inputs, weights and outputs, but no arguments. The
// arguments are those of the notebooks that made them (transcranial/keras-js, notebooks/, MIT), as our layers take them.

const first = "channels_first";
const relu = { activation: "relu" };
/** The same n times: nothing here is changed, so it may be one object. */
const times = (n, what) => Array.from({ length: n }, () => what);

/** One layer per vector, numbered: [class, arguments of vector 0, of vector 1, …]. */
const single = {
  "activations.softmax": ["Softmax", {}, {}, {}],
  "activations.elu": ["ELU", {}, {}, {}, { alpha: 0.5 }],
  "activations.selu": ["Activation", ...times(3, { activation: "selu" })],
  "activations.softplus": ["Activation", ...times(3, { activation: "softplus" })],
  "activations.softsign": ["Activation", ...times(3, { activation: "softsign" })],
  "activations.relu": ["ReLU", {}, {}, {}, { maxValue: 0.5 }, { negativeSlope: 0.3 }],
  "activations.tanh": ["Activation", ...times(3, { activation: "tanh" })],
  "activations.sigmoid": ["Activation", ...times(3, { activation: "sigmoid" })],
  // Keras 2's slope was 1/5; Keras 3's is 1/6.
  "activations.hard_sigmoid": ["Activation", ...times(3, { activation: "hardSigmoidKeras2" })],
  "activations.linear": ["Activation", ...times(3, { activation: "linear" })],
  "advanced_activations.LeakyReLU": ["LeakyReLU", { alpha: 0.4 }],
  "advanced_activations.PReLU": ["PReLU", {}],
  "advanced_activations.ELU": ["ELU", { alpha: 1.1 }],
  "advanced_activations.ThresholdedReLU": ["ThresholdedReLU", { theta: 0.9 }],
  "convolutional.Conv1D": [
    "Conv1D",
    { filters: 4, kernelSize: 3 },
    { filters: 4, kernelSize: 3, useBias: false },
    { filters: 2, kernelSize: 3, strides: 2, padding: "same", activation: "sigmoid" },
    { filters: 2, kernelSize: 7, padding: "same", activation: "tanh" },
    { filters: 2, kernelSize: 7, padding: "same", dilationRate: 2, activation: "tanh" },
  ],
  "convolutional.Conv2D": [
    "Conv2D",
    { filters: 4, kernelSize: 3, activation: "linear" },
    { filters: 4, kernelSize: [3, 3], useBias: false },
    { filters: 4, kernelSize: [3, 3], strides: [2, 2], ...relu },
    { filters: 5, kernelSize: [4, 4], strides: [2, 1], ...relu },
    { filters: 4, kernelSize: [3, 3], padding: "same", ...relu },
    { filters: 4, kernelSize: [3, 3], strides: [2, 2], padding: "same", ...relu },
    { filters: 4, kernelSize: [3, 3], strides: [3, 2], padding: "same", ...relu },
    { filters: 4, kernelSize: [3, 3], dilationRate: [2, 2] },
    { filters: 4, kernelSize: [3, 3], dilationRate: [2, 2], useBias: false },
    { filters: 4, kernelSize: [3, 3], dilationRate: [3, 3], ...relu },
    { filters: 3, kernelSize: [4, 4], padding: "same", dilationRate: [2, 2], ...relu },
    { filters: 4, kernelSize: [3, 3], padding: "same", dilationRate: [4, 4], ...relu },
  ],
  "convolutional.Conv2DTranspose": [
    "Conv2DTranspose",
    { filters: 4, kernelSize: [3, 3], useBias: false },
    { filters: 4, kernelSize: [3, 3] },
    { filters: 4, kernelSize: [3, 3], strides: [2, 2], ...relu },
    { filters: 4, kernelSize: [3, 3], padding: "same", ...relu },
    { filters: 5, kernelSize: [3, 3], strides: [2, 2], padding: "same", ...relu },
    { filters: 3, kernelSize: [2, 3], padding: "same", ...relu },
  ],
  "convolutional.Cropping1D": ["Cropping1D", { cropping: [1, 1] }, { cropping: [2, 3] }, { cropping: 2 }],
  "convolutional.UpSampling3D": [
    "UpSampling3D",
    { size: [2, 2, 2] },
    { size: [2, 2, 2], dataFormat: first },
    { size: [1, 3, 2] },
    { size: [2, 1, 2], dataFormat: first },
    { size: 2 },
  ],
  "convolutional.ZeroPadding1D": ["ZeroPadding1D", { padding: 1 }, { padding: 3 }, { padding: [3, 2] }],
  "convolutional.ZeroPadding2D": [
    "ZeroPadding2D",
    { padding: [1, 1] },
    { padding: [1, 1], dataFormat: first },
    { padding: [3, 2] },
    { padding: [3, 2], dataFormat: first },
    {
      padding: [
        [1, 2],
        [3, 4],
      ],
    },
    { padding: 2 },
  ],
  "convolutional.ZeroPadding3D": [
    "ZeroPadding3D",
    { padding: [1, 1, 1] },
    { padding: [1, 1, 1], dataFormat: first },
    { padding: [3, 2, 2] },
    { padding: [3, 2, 2], dataFormat: first },
    {
      padding: [
        [1, 2],
        [3, 4],
        [3, 1],
      ],
    },
    { padding: 2 },
  ],
  "core.Dense": [
    "Dense",
    { units: 2 },
    { units: 2, activation: "sigmoid" },
    { units: 2, activation: "softplus", useBias: false },
    { units: 2 },
    { units: 2, activation: "sigmoid" },
    { units: 2, activation: "softplus", useBias: false },
  ],
  "core.Flatten": ["Flatten", {}, {}, {}],
  "core.Permute": ["Permute", { dims: [2, 1] }, { dims: [3, 2, 1] }, { dims: [2, 1, 3] }, { dims: [3, 1, 2, 4] }],
  "core.RepeatVector": ["RepeatVector", { n: 7 }],
  "normalization.BatchNormalization": [
    "BatchNormalization",
    { epsilon: 1e-5 },
    { epsilon: 1e-2 },
    { epsilon: 1e-5, axis: 1 },
    { epsilon: 1e-5, axis: 2 },
    { epsilon: 1e-5, axis: 3, scale: false },
    { epsilon: 1e-5, center: false },
    { epsilon: 1e-3, center: false, scale: false },
  ],
  "pooling.AveragePooling1D": [
    "AveragePooling1D",
    { poolSize: 2, strides: null },
    { poolSize: 2, strides: 1 },
    { poolSize: 2, strides: 3 },
    { poolSize: 2, strides: null, padding: "same" },
    { poolSize: 2, strides: 1, padding: "same" },
    { poolSize: 2, strides: 3, padding: "same" },
    { poolSize: 3, strides: null },
    { poolSize: 3, strides: 1, padding: "same" },
    { poolSize: 3, strides: 3, padding: "same" },
  ],
  "pooling.MaxPooling2D": ["MaxPooling2D", ...maxPooling(2)],
  "pooling.MaxPooling3D": ["MaxPooling3D", ...maxPooling(3)],
  "pooling.GlobalAveragePooling1D": ["GlobalAveragePooling1D", {}, {}, {}],
  "pooling.GlobalMaxPooling1D": ["GlobalMaxPooling1D", {}, {}, {}],
  "pooling.GlobalAveragePooling2D": ["GlobalAveragePooling2D", {}, { dataFormat: first }, {}],
  "pooling.GlobalMaxPooling2D": ["GlobalMaxPooling2D", {}, { dataFormat: first }, {}],
};

function maxPooling(axes) {
  const each = (n) => Array(axes).fill(n);
  const uneven = axes === 2 ? [2, 1] : [2, 1, 1];
  const unevenSame = axes === 2 ? [2, 1] : [1, 2, 1];
  return [
    { poolSize: each(2), strides: null },
    { poolSize: each(2), strides: each(1) },
    { poolSize: each(2), strides: uneven },
    { poolSize: each(3), strides: null },
    { poolSize: each(3), strides: each(3) },
    { poolSize: each(2), strides: null, padding: "same" },
    { poolSize: each(2), strides: each(1), padding: "same" },
    { poolSize: each(2), strides: unevenSame, padding: "same" },
    { poolSize: each(3), strides: null, padding: "same" },
    { poolSize: each(3), strides: each(3), padding: "same" },
    { poolSize: each(3), strides: each(2), dataFormat: first },
    { poolSize: each(3), strides: each(1), padding: "same", dataFormat: first },
    { poolSize: each(2), strides: null, dataFormat: first },
  ];
}

const conv = (filters, size, options = {}) => ["Conv2D", { filters, kernelSize: size, ...relu, ...options }];
const norm = ["BatchNormalization", { epsilon: 1e-3 }];
const same = { padding: "same" };
const deep = (pool) => [
  conv(5, 3, { strides: 2 }),
  norm,
  conv(4, 3, same),
  norm,
  conv(3, 3, same),
  norm,
  [pool, { poolSize: 2 }],
  conv(4, 3, { activation: "linear" }),
  norm,
  conv(2, 3, same),
  norm,
  [pool, { poolSize: 2 }],
];

/** Layers one after the other. */
const chains = {
  "noise.GaussianNoise.0": [
    ["Dense", { units: 2 }],
    ["GaussianNoise", { stddev: 0.5 }],
  ],
  pipeline_00: [conv(4, 3), conv(4, 3), conv(4, 3)],
  pipeline_03: [conv(4, 3), ["BatchNormalization", { epsilon: 1e-5 }]],
  pipeline_04: [
    conv(5, 3, { strides: 2, ...same }),
    norm,
    conv(4, 1, { activation: "linear" }),
    norm,
    conv(3, 3, same),
    norm,
    conv(2, 3),
    norm,
  ],
  pipeline_06: deep("MaxPooling2D"),
  pipeline_07: [conv(4, 3), ["MaxPooling2D", { poolSize: 2, strides: 1 }]],
  pipeline_09: [conv(4, 3), ["AveragePooling2D", { poolSize: 2 }]],
  pipeline_10: deep("AveragePooling2D"),
  pipeline_11: [conv(4, 3), ["AveragePooling2D", { poolSize: 2, strides: 1 }]],
  // The notebooks have other models under these two numbers; these are what the weights fit and the outputs follow from.
  pipeline_14: [
    ["SeparableConv2D", { filters: 2, kernelSize: 3 }],
    ["SeparableConv2D", { filters: 2, kernelSize: 3 }],
  ],
  pipeline_15: [
    conv(2, 3, { activation: "linear" }),
    norm,
    ["ReLU", {}],
    ["SeparableConv2D", { filters: 2, kernelSize: 3, ...same }],
    norm,
  ],
};

const dense = ["Dense", { units: 2 }];
const repeated = [dense, ["RepeatVector", { n: 3 }]];

/** Branches that a layer joins; then maybe more. Weights lie in files branch by branch unless `order` says otherwise. */
const merges = {
  ...Object.fromEntries(
    ["Add", "Average"].flatMap((name) =>
      [2, 3, 4].map((n, i) => [`merge.${name}.${i}`, { branches: times(n, [dense]), join: [name, {}] }]),
    ),
  ),
  "merge.Subtract.0": { branches: times(2, [dense]), join: ["Subtract", {}] },
  "merge.Concatenate.0": { branches: times(2, [dense]), join: ["Concatenate", { axis: -1 }] },
  ...Object.fromEntries(
    [
      [2, -1],
      [2, -2],
      [2, 1],
      [2, 2],
      [3, -1],
      [4, -1],
    ].map(([n, axis], i) => [
      `merge.Concatenate.${i + 1}`,
      { branches: times(n, repeated), join: ["Concatenate", { axis }] },
    ]),
  ),
  ...Object.fromEntries(
    [
      { axes: 1 },
      { axes: 2 },
      { axes: 1, normalize: true },
      { axes: 2, normalize: true },
      { axes: [2, 2], normalize: true },
    ].map((options, i) => [`merge.Dot.${i}`, { branches: times(2, repeated), join: ["Dot", options] }]),
  ),
  graph_02: { branches: times(2, [conv(4, 3)]), join: ["Average", {}] },
  graph_03: { branches: times(2, [conv(4, 3)]), join: ["Multiply", {}] },
  graph_05: { branches: times(2, [conv(4, 3)]), join: ["Concatenate", {}] },
  graph_06: {
    branches: [[conv(4, 3, same)], [conv(2, 1), conv(4, 3, same), conv(2, 1)], [conv(5, 3, same), conv(3, 3, same)]],
    join: ["Concatenate", {}],
    // Keras saves by depth from the inputs: conv_1_0, conv_1_1, conv_2_0, conv_0_0, conv_1_2, conv_2_1.
    order: [
      [1, 0],
      [1, 1],
      [2, 0],
      [0, 0],
      [1, 2],
      [2, 1],
    ],
  },
  graph_07: {
    branches: times(2, [conv(4, 3, same), conv(4, 3, same)]),
    join: ["Concatenate", {}],
    after: [conv(4, 3, { ...same, activation: "linear" })],
    order: [
      [0, 0],
      [1, 0],
      [0, 1],
      [1, 1],
    ],
  },
};

/** { branches: [[[class, arguments], …], …], join, after, order } of a vector, or null for what is not a CNN's. */
export function settingsOf(name) {
  if (chains[name] !== undefined) return { branches: [chains[name]] };
  if (merges[name] !== undefined) return merges[name];
  const dot = name.lastIndexOf(".");
  const [layer, ...all] = single[name.slice(0, dot)] ?? [];
  const options = all[Number(name.slice(dot + 1))];
  return options === undefined ? null : { branches: [[[layer, options]]] };
}
