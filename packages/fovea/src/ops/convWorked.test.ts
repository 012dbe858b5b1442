import { describe, expect, it } from "vitest";
import {
  arange,
  autocorrelate,
  conv1d,
  conv2d,
  conv3d,
  convArithmetic,
  convMatrix,
  convTranspose1d,
  convTranspose2d,
  convTranspose3d,
  convolve,
  correlate,
  depthwiseConv2d,
  flipKernel,
  locallyConnected2d,
  matmul,
  nn,
  ones,
  separableConv2d,
  sparseConvMatrix,
  tensor,
  toeplitz,
  type ConvArithmetic,
  type NestedArray,
  type Tensor,
} from "../index.ts";
import { testNumbers } from "../testing/cases.ts";
import { describeEngines } from "../testing/engines.ts";
import { sizeOf, type Shape } from "../base/shape.ts";
import { locallyConnectedShapes } from "./locallyConnected.ts";

const values = (x: Tensor): number[] => Array.from(x.storage.values());
/** Exact: the numbers are small and whole. */
const equals = (x: Tensor, want: NestedArray): void => {
  const list = tensor(want);
  expect(x.shape).toEqual(list.shape);
  expect(values(x)).toEqual(values(list));
};
const image = (rows: NestedArray): Tensor => {
  const x = tensor(rows);
  return x.reshape([1, 1, ...x.shape]);
};
const plane = (x: Tensor): Tensor => x.reshape(x.shape.slice(2));
const random = (shape: Shape, seed: number): Tensor =>
  tensor(Float32Array.from({ length: sizeOf(shape) }, testNumbers(seed)), { shape });
const whole = (shape: Shape, seed: number): Tensor => {
  const next = testNumbers(seed);
  return tensor(
    Float32Array.from({ length: sizeOf(shape) }, () => Math.round(8 * next())),
    { shape },
  );
};

// X = 0 … 8 and K of the course's figures
const X = [
  [0, 1, 2],
  [3, 4, 5],
  [6, 7, 8],
];
const K = [
  [0, 1],
  [2, 3],
];

describeEngines("the worked numbers of the course and inventory 1.1", () => {
  it("#1 a causal convolution sees nothing of the future: an impulse gives zeros before it", () => {
    const x = tensor([0, 0, 0, 1, 0, 0, 0, 0], { shape: [1, 1, 8] });
    const w = tensor([3, 2, 1], { shape: [1, 1, 3] });
    equals(conv1d(x, w, null, { padding: "causal" }), [[[0, 0, 0, 1, 2, 3, 0, 0]]]);
    equals(conv1d(x, w, null, { padding: "causal", dilation: 2 }), [[[0, 0, 0, 1, 0, 2, 0, 3]]]);
  });

  it("#2 full([1, 2, 3, 4] ∗ [1, 2, 3])", () => {
    equals(convolve(tensor([1, 2, 3, 4]), tensor([1, 2, 3])), [1, 4, 10, 16, 17, 12]);
  });

  it("#3 true 2-D convolution, valid and full", () => {
    equals(convolve(tensor(X), tensor(K), "valid"), [
      [5, 11],
      [23, 29],
    ]);
    equals(convolve(tensor(X), tensor(K)), [
      [0, 0, 1, 2],
      [0, 5, 11, 11],
      [6, 23, 29, 23],
      [12, 32, 37, 24],
    ]);
  });

  it("#4 convolution commutes: bit for bit, for any two signals of different size", () => {
    for (const [a, b] of [
      [[9], [4]],
      [
        [5, 7],
        [3, 3],
      ],
      [
        [4, 5, 3],
        [2, 2, 3],
      ],
    ] as const) {
      const [x, k] = [random(a, 31), random(b, 32)];
      expect(values(convolve(k, x))).toEqual(values(convolve(x, k)));
    }
    const [x, k] = [whole([5, 5], 33), whole([5, 5], 34)]; // of one size: exact where sums are
    expect(values(convolve(k, x))).toEqual(values(convolve(x, k)));
  });

  it("#5, #6 cross-correlation is convolution with the kernel turned; autocorrelation", () => {
    const want = [
      [19, 25],
      [37, 43],
    ]; // course S000, Fig. 2
    equals(correlate(tensor(X), tensor(K), "valid"), want);
    equals(convolve(tensor(X), flipKernel(tensor(K)), "valid"), want);
    equals(plane(conv2d(image(X), image(K))), want);
    equals(autocorrelate(tensor([1, 2, 3])), [3, 8, 14, 8, 3]);
  });

  it("'same' is the middle of 'full', the first signal's size (NumPy: np.convolve([1, 2, 3], [0, 1, 0.5], 'same'))", () => {
    equals(convolve(tensor([1, 2, 3]), tensor([0, 1, 0.5]), "same"), [1, 2.5, 4]);
    equals(convolve(tensor([1, 2, 3, 4]), tensor([1, 1]), "same"), [1, 3, 5, 7]);
    // np.correlate([1, 2, 3], [0, 1, 0.5], "full"), from NumPy's documentation
    equals(correlate(tensor([1, 2, 3]), tensor([0, 1, 0.5])), [0.5, 2, 3.5, 3, 0]);
  });

  it("modes agree with SciPy in 2-D, with even kernels, and where the second signal is the longer one", () => {
    // scipy.signal.convolve and correlate (SciPy 1.17) of 0 … 11 as 3×4 with 1 … 6 as 2×3
    const [a, b] = [arange(12).reshape([3, 4]), arange(6).add(1).reshape([2, 3])];
    equals(convolve(a, b, "same"), [
      [1, 4, 10, 12],
      [17, 41, 62, 59],
      [65, 125, 146, 123],
    ]);
    equals(convolve(a, b, "valid"), [
      [41, 62],
      [125, 146],
    ]);
    equals(correlate(a, b, "same"), [
      [6, 17, 32, 23],
      [53, 85, 106, 67],
      [117, 169, 190, 115],
    ]);
    equals(correlate(a, b, "valid"), [
      [85, 106],
      [169, 190],
    ]);
    const [short, long] = [tensor([1, 2, 3, 4]), tensor([1, 2, 3, 4, 5, 6])];
    equals(convolve(short, long, "valid"), [20, 30, 40]);
    equals(convolve(short, long, "same"), [10, 20, 30, 40]);
    equals(correlate(short, tensor([1, 0, 2, -1]), "same"), [0, 1, 3, 10]);
  });

  it("#7 two input channels are added (course S000, Fig. 5)", () => {
    const x = tensor([0, 1, 2, 3, 4, 5, 6, 7, 8, 1, 2, 3, 4, 5, 6, 7, 8, 9], { shape: [1, 2, 3, 3] });
    const w = tensor([0, 1, 2, 3, 1, 2, 3, 4], { shape: [1, 2, 2, 2] });
    equals(conv2d(x, w), [
      [
        [
          [56, 72],
          [104, 120],
        ],
      ],
    ]);
  });

  it("#8, #10 every output channel has a kernel and a bias of its own", () => {
    const [x, w, b] = [whole([2, 3, 6, 7], 35), whole([4, 3, 3, 3], 36), whole([4], 37)];
    const y = conv2d(x, w, b);
    expect(y.shape).toEqual([2, 4, 4, 5]);
    for (let k = 0; k < 4; k++) {
      const one = conv2d(x, w.narrow(0, k, 1)).add(b.at(k));
      expect(values(y.narrow(1, k, 1))).toEqual(values(one));
    }
  });

  it("#9 a 1×1 convolution is a matrix product per pixel", () => {
    const [x, w] = [arange(27).reshape([1, 3, 3, 3]), arange(6).reshape([2, 3, 1, 1])];
    const y = conv2d(x, w);
    equals(y, [
      [
        [
          [45, 48, 51],
          [54, 57, 60],
          [63, 66, 69],
        ],
        [
          [126, 138, 150],
          [162, 174, 186],
          [198, 210, 222],
        ],
      ],
    ]);
    expect(values(matmul(w.reshape([2, 3]), x.reshape([3, 9])))).toEqual(values(y));
  });

  it("#11 is index for index Z(i, j, k) = Σ V(l, j + m, k + n) K(i, l, m, n)", () => {
    const [v, kernel] = [whole([1, 2, 5, 4], 38), whole([3, 2, 3, 2], 39)];
    const [V, W] = [values(v), values(kernel)];
    const want: number[] = [];
    for (let i = 0; i < 3; i++)
      for (let j = 0; j < 3; j++)
        for (let k = 0; k < 3; k++) {
          let z = 0;
          for (let l = 0; l < 2; l++)
            for (let m = 0; m < 3; m++)
              for (let n = 0; n < 2; n++) z += V[l * 20 + (j + m) * 4 + k + n]! * W[i * 12 + l * 6 + m * 2 + n]!;
          want.push(z);
        }
    expect(values(conv2d(v, kernel))).toEqual(want.map((z) => z + 0));
  });

  it("#12 a strided convolution is the unit-stride one subsampled (and the course's Fig. 4)", () => {
    const [x, w] = [whole([1, 2, 9, 8], 40), whole([3, 2, 3, 3], 41)];
    for (const stride of [2, 3] as const) {
      const every = conv2d(x, w).slice([0, 0, 0, 0], undefined, [1, 1, stride, stride]);
      expect(values(conv2d(x, w, null, { stride }))).toEqual(values(every));
    }
    equals(plane(conv2d(image(X), image(K), null, { padding: 1, stride: [3, 2] })), [
      [0, 8],
      [6, 8],
    ]);
  });

  it("#13 zero padding", () => {
    equals(plane(conv2d(image(X), image(K), null, { padding: 1 })), [
      [0, 3, 8, 4],
      [9, 19, 25, 10],
      [21, 37, 43, 16],
      [6, 7, 8, 0],
    ]);
    const fig3 = conv2d(ones([1, 1, 3, 5]), ones([1, 1, 2, 2]), null, { padding: 1 });
    expect(fig3.shape).toEqual([1, 1, 4, 6]); // course S000, Fig. 3
    // course S001: the 5×5 picture with a ring of zeros is 7×7
    const s001 = [
      [0, 1, 0, 1, 1],
      [1, 1, 0, 1, 0],
      [1, 0, 1, 0, 1],
      [1, 1, 0, 1, 0],
      [0, 0, 1, 1, 0],
    ];
    const ring = conv2d(image(s001), image([[1]]), null, { padding: 1 });
    expect(values(ring.narrow(2, 0, 1))).toEqual([0, 0, 0, 0, 0, 0, 0]);
    equals(plane(ring.slice([0, 0, 1, 1], [1, 1, 6, 6])), s001);
  });

  it.each([
    [512, 3, 1, 0, 510], // course S001
    [6, 3, 1, 0, 4], // course S001
    [5, 3, 1, 0, 3],
    [227, 11, 4, 0, 55], // AlexNet
    [6, 3, 2, 1, 3], // "odd" of the arithmetic guide
    [224, 7, 2, 3, 112], // ResNet
  ])("#14 (%i − %i)/%i with padding %i gives %i", (size, kernel, stride, padding, want) => {
    const y = conv1d(ones([1, 1, size]), ones([1, 1, kernel]), null, { stride, padding });
    expect(y.shape).toEqual([1, 1, want]);
  });

  it("#15 valid m − k + 1, same m, full m + k − 1", () => {
    const [x, w] = [ones([1, 1, 5]), ones([1, 1, 3])];
    const sizes = (["valid", "same", "sameSymmetric", "full"] as const).map(
      (padding) => conv1d(x, w, null, { padding }).shape[2],
    );
    expect(sizes).toEqual([3, 5, 5, 7]);
  });

  it.each([
    [224, 3, 2, 112, [0, 1]],
    [225, 3, 2, 113, [1, 1]],
    [7, 3, 2, 4, [1, 1]],
    [5, 2, 1, 5, [0, 1]],
  ] as const)("#16 'same' by TensorFlow's rule: %i, kernel %i, stride %i", (size, k, stride, want, pads) => {
    const [x, w] = [random([1, 1, size], 42), random([1, 1, k], 43)];
    const y = conv1d(x, w, null, { stride, padding: "same" });
    expect(y.shape).toEqual([1, 1, want]);
    expect(values(y)).toEqual(values(conv1d(x, w, null, { stride, padding: [pads] })));
  });

  it("#17 an odd kernel keeps the size with (k − 1)/2 on both sides, whatever the stride", () => {
    for (const k of [1, 3, 5, 7]) {
      const [x, w] = [random([1, 1, 8, 8], 44), random([1, 1, k, k], 45)];
      for (const stride of [1, 2, 3]) {
        const half = conv2d(x, w, null, { stride, padding: (k - 1) / 2 });
        expect(values(conv2d(x, w, null, { stride, padding: "sameSymmetric" }))).toEqual(values(half));
        if (stride === 1) expect(values(conv2d(x, w, null, { padding: "same" }))).toEqual(values(half));
      }
    }
  });

  it("#18 dilation 2 over 0 … 48, and stacks of dilations 1, 2, 4, 8 see 3, 7, 15, 31", () => {
    equals(plane(conv2d(arange(49).reshape([1, 1, 7, 7]), ones([1, 1, 3, 3]), null, { dilation: 2 })), [
      [144, 153, 162],
      [207, 216, 225],
      [270, 279, 288],
    ]);
    let impulse = tensor(Float32Array.from({ length: 65 }, (_, i) => Number(i === 32))).reshape([1, 1, 65]);
    const fields = [1, 2, 4, 8].map((dilation) => {
      impulse = conv1d(impulse, ones([1, 1, 3]), null, { dilation, padding: "same" });
      return values(impulse).filter((v) => v !== 0).length;
    });
    expect(fields).toEqual([3, 7, 15, 31]);
  });

  it("#19 grouped convolution is convolutions side by side; depthwise and separable", () => {
    const [x, w] = [whole([2, 6, 5, 5], 46), whole([9, 2, 3, 3], 47)];
    const apart = [0, 1, 2].map((g) => conv2d(x.narrow(1, 2 * g, 2), w.narrow(0, 3 * g, 3)));
    const y = conv2d(x, w, null, { groups: 3 });
    for (const g of [0, 1, 2]) expect(values(y.narrow(1, 3 * g, 3))).toEqual(values(apart[g]!));
    const [depthwise, pointwise] = [whole([12, 1, 3, 3], 48), whole([4, 12, 1, 1], 49)];
    const deep = depthwiseConv2d(x, depthwise, null, { padding: 1 });
    for (let c = 0; c < 6; c++) {
      const one = conv2d(x.narrow(1, c, 1), depthwise.narrow(0, 2 * c, 2), null, { padding: 1 });
      expect(values(deep.narrow(1, 2 * c, 2))).toEqual(values(one));
    }
    const separable = separableConv2d(x, depthwise, pointwise, null, { padding: 1 });
    expect(values(separable)).toEqual(values(conv2d(deep, pointwise)));
    // parameters: Cin · Cout · k² / groups
    expect(new nn.Conv2d(8, 12, 3, { groups: 4, bias: false }).weight.size).toBe((8 * 12 * 9) / 4);
  });

  it("#20 transposed convolution, stride 1 and 2 (D2L, section 14.10)", () => {
    equals(plane(convTranspose2d(image(K), image(K))), [
      [0, 0, 1],
      [0, 4, 6],
      [4, 12, 9],
    ]);
    equals(plane(convTranspose2d(image(K), image(K), null, { stride: 2 })), [
      [0, 0, 0, 1],
      [0, 0, 2, 3],
      [0, 2, 0, 3],
      [4, 6, 6, 9],
    ]);
    equals(plane(convTranspose2d(image(K), image(K), null, { padding: 1 })), [[4]]); // D2L: padding cuts off
  });

  it("#21 the matrix of a convolution and its transpose (course S001)", () => {
    const w = arange(9).add(1).reshape([1, 1, 3, 3]);
    const matrix = convMatrix(w, [4, 4]);
    expect(matrix.shape).toEqual([4, 16]);
    expect(values(matrix.at(0))).toEqual([1, 2, 3, 0, 4, 5, 6, 0, 7, 8, 9, 0, 0, 0, 0, 0]);
    expect(values(matmul(matrix, arange(16)))).toEqual([303, 348, 483, 528]);
    equals(matmul(tensor([1, 2, 3, 4]), matrix).reshape([4, 4]), [
      [1, 4, 7, 6],
      [7, 23, 33, 24],
      [19, 53, 63, 42],
      [21, 52, 59, 36],
    ]);
    const sparse = sparseConvMatrix(w, [4, 4]);
    expect(sparse.entries).toBe(36);
    expect(values(sparse.matmul(arange(16)))).toEqual([303, 348, 483, 528]);
    expect(values(sparse.transpose().toDense())).toEqual(values(matrix.transpose()));
  });

  it("#22 the Toeplitz matrix of a 1-D convolution is banded and gives #2", () => {
    const t = toeplitz(tensor([1, 2, 3]), 4);
    equals(t, [
      [1, 0, 0, 0],
      [2, 1, 0, 0],
      [3, 2, 1, 0],
      [0, 3, 2, 1],
      [0, 0, 3, 2],
      [0, 0, 0, 3],
    ]);
    equals(matmul(t, tensor([1, 2, 3, 4])), [1, 4, 10, 16, 17, 12]);
  });

  it("#33 a locally connected layer with one kernel everywhere is the convolution", () => {
    const [x, w] = [whole([2, 4, 6, 5], 50), whole([6, 2, 3, 2], 51)];
    const options = { stride: [2, 1], padding: 1, groups: 2 } as const;
    const y = conv2d(x, w, null, options);
    const places = y.shape.slice(2);
    const everywhere = w.expand([...places, ...w.shape]);
    expect(values(locallyConnected2d(x, everywhere, null, options))).toEqual(values(y));
    // course S002: AlexNet's first layer without sharing, 55·55·96·364
    const { weight, bias } = locallyConnectedShapes([1, 3, 227, 227], 96, 11, { stride: 4 }, 2);
    expect(sizeOf(weight) + sizeOf(bias)).toBe(105_705_600);
  });

  it("1.2 the kernels shown: Sobel, Scharr, Prewitt on an edge; horizontal on the checkerboard", () => {
    const edge = Array.from({ length: 6 }, () => [10, 10, 10, 0, 0, 0]);
    const column = ([a, b, c]: readonly [number, number, number]) => [
      [a, 0, -a],
      [b, 0, -b],
      [c, 0, -c],
    ];
    for (const [kernel, want] of [
      [[1, 1, 1], 30],
      [[1, 2, 1], 40],
      [[3, 10, 3], 160],
    ] as const) {
      const y = conv2d(image(edge), image(column(kernel)));
      equals(
        plane(y),
        Array.from({ length: 4 }, () => [0, want, want, 0]),
      );
    }
    const board = Array.from({ length: 6 }, (_, i) => (i < 3 ? [10, 10, 10, 0, 0, 0] : [0, 0, 0, 10, 10, 10]));
    const horizontal = [
      [1, 1, 1],
      [0, 0, 0],
      [-1, -1, -1],
    ];
    equals(plane(conv2d(image(board), image(horizontal))), [
      [0, 0, 0, 0],
      [30, 10, -10, -30],
      [30, 10, -10, -30],
      [0, 0, 0, 0],
    ]);
    const numbers = [
      [3, 0, 1, 2, 7, 4],
      [1, 5, 8, 9, 3, 1],
      [2, 7, 2, 5, 1, 3],
      [0, 1, 3, 1, 7, 8],
      [4, 2, 1, 6, 2, 8],
      [2, 4, 5, 2, 3, 9],
    ];
    equals(plane(conv2d(image(numbers), image(column([1, 1, 1])))), [
      [-5, -4, 0, 8],
      [-10, -2, 2, 3],
      [0, -2, -4, -7],
      [-3, -2, -3, -16],
    ]);
  });

  it("1.5 the guide's numeric figures: no padding, and padding 1 with stride 2", () => {
    const x = image([
      [3, 3, 2, 1, 0],
      [0, 0, 1, 3, 1],
      [3, 1, 2, 2, 3],
      [2, 0, 0, 2, 2],
      [2, 0, 0, 0, 1],
    ]);
    const w = image([
      [0, 1, 2],
      [2, 2, 0],
      [0, 1, 2],
    ]);
    equals(plane(conv2d(x, w)), [
      [12, 12, 17],
      [10, 17, 19],
      [9, 6, 14],
    ]);
    equals(plane(conv2d(x, w, null, { padding: 1, stride: 2 })), [
      [6, 17, 3],
      [8, 17, 13],
      [6, 4, 4],
    ]);
  });

  for (const [name, setting] of Object.entries(convArithmetic)) {
    it(`1.5 conv_arithmetic ${name}: ${setting.input} → ${setting.output} in 1-D, 2-D and 3-D`, () => {
      for (const axes of [1, 2, 3] as const) arithmetic(setting, axes);
    });
  }
});

/** The sizes of a setting, and its numbers against the matrix of the convolution. */
function arithmetic(setting: ConvArithmetic, axes: 1 | 2 | 3): void {
  const { input, output, padding, kernel, stride, dilation, transposed, outputPadding } = setting;
  const cube = (d: number) => Array.from({ length: axes }, () => d);
  const [x, w] = [whole([1, 1, ...cube(input)], 60), whole([1, 1, ...cube(kernel)], 61)];
  const options = { padding, stride, dilation };
  const flat = x.reshape([x.size]);
  if (!transposed) {
    const y = { 1: conv1d, 2: conv2d, 3: conv3d }[axes](x, w, null, options);
    expect(y.shape).toEqual([1, 1, ...cube(output)]);
    expect(values(sparseConvMatrix(w, cube(input), options).matmul(flat))).toEqual(values(y));
    return;
  }
  const back = { 1: convTranspose1d, 2: convTranspose2d, 3: convTranspose3d }[axes];
  const y = back(x, w, null, { ...options, outputPadding });
  expect(y.shape).toEqual([1, 1, ...cube(output)]);
  expect(values(back(x, w, null, { ...options, outputSize: output }))).toEqual(values(y));
  // The transpose of the matrix of the convolution from the output's size
  expect(values(sparseConvMatrix(w, cube(output), options).transpose().matmul(flat))).toEqual(values(y));
}

describe("the presets", () => {
  it("are fifteen, seven of them transposed twins", () => {
    const all = Object.values(convArithmetic);
    expect(all.length).toBe(15);
    expect(all.filter((setting) => setting.transposed).length).toBe(7);
    expect(convArithmetic.paddingStridesOddTransposed.outputPadding).toBe(1);
  });
});
