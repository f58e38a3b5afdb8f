"""Writes expected.json beside it: what NumPy gives for the cases below. Run: python3 expected.py

An argument {"x": shape, "seed": s} is the tensor with the values ((7 i + 5 s) mod 13 - 6) / 4, {"positive": shape} adds 7 / 4 to
them: exact in f32, with ties. None is undefined, "nan", "inf" and "-inf" are numbers."""
import json
import math
import os

import numpy as np

cases = []


class T:
    def __init__(self, *shape, seed=0, positive=False):
        n = int(np.prod(shape))
        values = [((7 * i + 5 * seed) % 13 - (-1 if positive else 6)) / 4 for i in range(n)]
        self.a = np.array(values, dtype=np.float64).reshape(shape)
        self.spec = {"positive" if positive else "x": list(shape), **({"seed": seed} if seed else {})}


def array(x):
    return x.a if isinstance(x, T) else [array(v) for v in x] if isinstance(x, (list, tuple)) else x


def number(v):
    return "nan" if math.isnan(v) else "inf" if v == math.inf else "-inf" if v == -math.inf else int(v) if v == int(v) else v


def spec(x):
    if isinstance(x, T): return x.spec
    if isinstance(x, dict): return {k: spec(v) for k, v in x.items()}
    if isinstance(x, (list, tuple)): return [spec(v) for v in x]
    return number(x) if isinstance(x, float) else x


def case(op, *args, gives):
    results = gives if isinstance(gives, (list, tuple)) else [gives]
    out = [{"shape": list(np.shape(y)), "values": [number(float(v)) for v in np.ravel(y)]} for y in results]
    cases.append({"op": op, "args": [spec(a) for a in args], "gives": out})


five = T(2, 3, 2, 2, 3)

# binary operations: same shape, scalars, numbers on either side, trailing and alternating axes, empty axes, 5-D
pairs = [
    (T(), T(seed=1)), (T(3), T(3, seed=2)), (T(2, 3), T(seed=1)), (T(2, 3), 0.75), (-0.5, T(2, 3)), (T(4, 1), T(3, seed=1)),
    (T(2, 1, 3), T(4, 1, seed=3)), (T(0, 3), T(3)), (T(0, 1), T(1, 4)), (T(1, 0), 2), (T(2, 3, 1, 2, 1), T(1, 2, 1, 3, seed=1)),
    (T(2, 1, 2, 1, 3), T(3, 1, 2, 1, seed=2)), (five, T(3, 1, 2, 1, seed=4)),
]
binary = {
    "add": np.add, "subtract": np.subtract, "multiply": np.multiply, "maximum": np.maximum, "minimum": np.minimum,
    "equal": np.equal, "notEqual": np.not_equal, "less": np.less, "lessEqual": np.less_equal,
    "greater": np.greater, "greaterEqual": np.greater_equal,
}
for i, (op, f) in enumerate(binary.items()):
    for j, (a, b) in enumerate(pairs):
        if op in ("subtract", "less") or (i + j) % 2 == 0: case(op, a, b, gives=f(array(a), array(b)))
with np.errstate(all="ignore"):
    for a, b in [(T(2, 3), T(2, 3, seed=1)), (1, T(7)), (T(7), 3), (five, T(2, 1, 1, 1, 1, seed=3)), (T(0, 2), T(2))]:
        case("divide", a, b, gives=np.divide(array(a), array(b)))
    for a, b in [(T(2, 3, positive=True), T(3)), (T(4), 2), (T(5), 3), (2, T(4)), (T(6), 0), (T(3), -1), (T(0), 2)]:
        case("power", a, b, gives=np.power(array(a), array(b)) if not isinstance(b, int) else array(a) ** float(b))

    # functions of one tensor
    unary = {
        "negative": np.negative, "abs": np.abs, "sign": np.sign, "square": np.square, "exp": np.exp, "sin": np.sin, "cos": np.cos,
        "tanh": np.tanh, "reciprocal": lambda x: 1 / x, "sigmoid": lambda x: 1 / (1 + np.exp(-x)), "erf": np.vectorize(math.erf, otypes=[float]),
        "sqrt": np.sqrt, "log": np.log,
    }
    for op, f in unary.items():
        for x in (T(), T(0, 2), T(2, 3, positive=op in ("sqrt", "log")), T(1, 2, 1, 3, 1, seed=1)): case(op, x, gives=f(x.a))
for args in [(T(2, 3), -0.5, 0.75), (T(), 1, 2), (T(0), 0, 1), (five, -math.inf, 0.25), (T(3), 1, -1)]: case("clip", *args, gives=np.clip(*array(args)))
for args in [(T(2, 3), T(2, 3, seed=1), T(3, seed=2)), (T(4), 1, 0), (T(2, 1, 3), T(4, 1), -2), (T(), T(2), T()), (T(0, 1), T(3), 1),
             (T(3), T(2, 3, 2, 2, 3), 0)]:
    c, a, b = array(args)
    case("where", *args, gives=np.where(c != 0, a, b))

# reductions
reductions = [
    (T(), {}), (T(), {"keepDims": True}), (T(5), {}), (T(2, 3), {}), (T(2, 3), {"axes": 0}), (T(2, 3), {"axes": -1, "keepDims": True}),
    (T(2, 3), {"axes": []}), (T(3, 1, 2), {"axes": 1}), (five, {"axes": [0, 2, -1]}), (five, {"axes": [1, 3], "keepDims": True}),
    (five, {"axes": [-2, -4]}), (five, {}), (five, {"keepDims": True}), (T(3, 0), {"axes": 0}), (T(2, 0, 3), {"axes": [0, -1], "keepDims": True}),
]
empty = [(T(0), {}), (T(3, 0), {"axes": 1}), (T(2, 0, 3), {"axes": 1, "keepDims": True}), (T(2, 0, 3), {"axes": [0, 1]})]


def np_options(options):
    axes = options.get("axes")
    return {"axis": tuple(axes) if isinstance(axes, list) else axes, "keepdims": options.get("keepDims", False)}


import warnings
warnings.simplefilter("ignore")
for op, f in {"sum": np.sum, "mean": np.mean, "variance": np.var, "max": np.max, "min": np.min}.items():
    for x, options in reductions + (empty if op in ("sum", "mean", "variance") else []): case(op, x, options, gives=f(x.a, **np_options(options)))
for x, options in [(T(2, 3), {"axes": 1}), (five, {"axes": [0, 2]}), (T(1, 3), {"axes": 0}), (T(4), {})]:
    for ddof in (1, 2): case("variance", x, {**options, "ddof": ddof}, gives=np.var(x.a, ddof=ddof, **np_options(options)))
for x, options in [(T(), {}), (T(7), {}), (T(14), {}), (T(3, 4), {}), (T(3, 4), {"axis": 0}), (T(3, 4), {"axis": -1, "keepDims": True}), (five, {"axis": 2}),
                   (five, {}), (T(2, 13, 2), {"axis": 1}), (T(3, 0), {"axis": 0}), (T(2, 3), {"keepDims": True})]:
    case("argmax", x, options, gives=np.argmax(x.a, axis=options.get("axis"), keepdims=options.get("keepDims", False)))

# layout
for x, shape in [(T(2, 3), [3, 2]), (T(2, 3), [-1]), (T(), [1, 1]), (T(1), []), (T(0, 3), [3, 0, 5]), (T(0, 3), [-1, 3]), (five, [6, -1, 3]), (T(2, 3), [1, 2, 1, 3, 1])]:
    case("reshape", x, shape, gives=x.a.reshape(shape))
for x, order in [(T(), []), (T(3), [0]), (T(2, 3), [1, 0]), (T(2, 3), [0, 1]), (T(2, 3, 4), [-1, 0, 1]), (T(2, 1, 3), [1, 2, 0]), (T(2, 0, 3), [2, 1, 0]),
                 (five, [4, 3, 2, 1, 0]), (five, [2, 3, 0, 1, 4]), (five, [0, 3, -1, 1, 2]), (T(2, 1, 3, 1, 2), [2, 1, 4, 3, 0])]:
    case("permute", x, order, gives=np.transpose(x.a, order))
for x, axes in [(T(2, 3), []), (T(2, 3, 4), [0, 1]), (five, [-5, -1]), (T(2, 0), []), (T(2, 3), [1, 1])]:
    case("transpose", x, *axes, gives=np.swapaxes(x.a, *(axes or [-2, -1])))
for x, axis in [(T(), 0), (T(), -1), (T(2, 3), 1), (T(2, 3), -1), (T(2, 3), -3), (T(2, 3), 2), (T(0), 0), (T(2, 3, 2, 3), 2)]: case("expandDims", x, axis, gives=np.expand_dims(x.a, axis))
for x, axes in [(T(1, 3, 1), None), (T(1, 3, 1), 0), (T(1, 3, 1), -1), (T(1, 2, 1, 3, 1), [0, -1]), (T(), None), (T(1, 0), None), (T(2, 3), [])]:
    case("squeeze", x, axes, gives=np.squeeze(x.a, tuple(axes) if isinstance(axes, list) else axes))
for x, axis in [(T(3), 0), (T(2, 3), -1), (T(0, 3), 1), (T(0, 3), 0), (five, 3), (T(1, 4), 0)]: case("flip", x, axis, gives=np.flip(x.a, axis))
case("clone", T(2, 3), gives=T(2, 3).a)
case("clone", T(0, 3), gives=T(0, 3).a)
for x, starts, ends in [(T(5), [1], [3]), (T(5), [-2], []), (T(5), [None], [-1]), (T(5), [3], [1]), (T(5), [-9], [9]), (T(5), [7], [9]), (T(2, 3), [1], [2]),
                        (T(2, 3), [None, 1], [None, 2]), (T(), [], []), (T(0, 3), [0, 1], [0, 3]), (five, [0, 1, 0, -1, 1], [1, 3, 2, 2, None]),
                        (five, [None, None, 1], [None, None, -1]), (T(4, 4), [1, 1], [3, 3])]:
    n = max(len(starts), len(ends))
    index = tuple(slice(starts[i] if i < len(starts) else None, ends[i] if i < len(ends) else None) for i in range(n))
    case("slice", x, starts, ends, gives=x.a[index])
for x, sizes, axis in [(T(6), 3, 0), (T(2, 6), [1, 2, 3], -1), (T(2, 6), [6, 0], 1), (T(0, 4), 2, 1), (T(0, 4), 2, 0), (five, [1, 2], 1), (T(4, 2), 1, 0)]:
    edges = sizes if isinstance(sizes, int) else np.cumsum(sizes)[:-1]
    case("split", x, sizes, axis, gives=np.split(x.a, edges, axis))
for x, widths, value in [(T(3), [[1, 2]], 0.5), (T(2, 3), [[0, 1], [2, 0]], 0), (T(2, 3), [[1, 0]], -1), (T(), [], 0), (T(0), [[2, 1]], 3), (T(2, 0), [[1, 1], [0, 2]], 0),
                         (T(2, 0), [[1, 1]], 0), (T(1, 2, 1, 2, 1), [[0, 0], [1, 0], [0, 1], [0, 0], [1, 1]], 0.25)]:
    case("pad", x, widths, value, gives=np.pad(x.a, (widths + [[0, 0]] * 5)[:x.a.ndim], constant_values=value) if x.a.ndim else x.a)
for x, shape in [(T(), [2, 3]), (T(3), [2, 3]), (T(2, 1), [2, 3]), (T(2, 3), [2, 3]), (T(1, 1), [0, 3]), (T(1, 0), [4, 0]), (T(2, 1, 3), [2, 2, 2, 2, 3]), (T(2, 1, 2, 1), [3, 2, 2, 2, 3]), (T(1), [1, 1, 1])]:
    case("broadcastTo", x, shape, gives=np.broadcast_to(x.a, shape))
    y = T(*shape, seed=1)
    axes = tuple(range(len(shape) - x.a.ndim)) + tuple(i for i in range(len(shape) - x.a.ndim, len(shape)) if x.a.shape[i - len(shape)] == 1)
    case("sumTo", y, list(x.a.shape), gives=y.a.sum(axes, keepdims=True).reshape(x.a.shape))

# joining and picking
joins = [([T(2), T(3, seed=1)], 0), ([T(2, 3), T(2, 1, seed=1), T(2, 2, seed=2)], -1), ([T(2, 3)], 0), ([T(0, 3), T(2, 3)], 0), ([T(2, 0), T(3, 0)], 0), ([T(0), T(0)], 0),
         ([T(1, seed=s) for s in range(7)], 0), ([T(2, 3, 2, 2, 3), T(2, 3, 1, 2, 3, seed=1), T(2, 3, 3, 2, 3, seed=2)], 2)]
for tensors, axis in joins:
    y = np.concatenate(array(tensors), axis)
    case("concat", tensors, axis, gives=y)
    if len(tensors) < 7: case("concat.backward", T(*y.shape), [t.a.shape[axis] for t in tensors], axis, gives=np.split(T(*y.shape).a, np.cumsum([t.a.shape[axis] for t in tensors])[:-1], axis))
for tensors, axis in [([T(), T(seed=1)], 0), ([T(2, 3), T(2, 3, seed=1)], 0), ([T(2, 3), T(2, 3, seed=1), T(2, 3, seed=2)], -1), ([T(0, 2), T(0, 2)], 1), ([T(2, 2, 3, 2)] * 2, 2)]:
    case("stack", tensors, axis, gives=np.stack(array(tensors), axis))
for x, indices, axis in [(T(5), [4, 0, 0, 2], 0), (T(4, 3), [3, 1], 0), (T(4, 3), [2, 2, 0, 1], -1), (T(3, 2), [], 0), (T(3, 0), [1, 1], 0), (five, [1, 0, 1], 3), (T(0, 3), [], 0)]:
    y = np.take(x.a, np.array(indices, dtype=int), axis)
    case("gather", x, indices, axis, gives=y)
    dy, dx = T(*y.shape, seed=1), np.zeros(x.a.shape)
    np.add.at(np.moveaxis(dx, axis, 0), np.array(indices, dtype=int), np.moveaxis(dy.a, axis, 0))
    case("gather.backward", dy, indices, axis, x.a.shape[axis], gives=dx)

# products
products = [
    ((2, 3), (3, 4), {}), ((3, 2), (3, 4), {"transposeA": True}), ((2, 3), (4, 3), {"transposeB": True}), ((3, 2), (4, 3), {"transposeA": True, "transposeB": True}),
    ((3,), (3,), {}), ((3,), (3, 2), {}), ((2, 3), (3,), {}), ((3,), (2, 3, 4), {}), ((2, 2, 3), (3,), {}), ((2, 3, 2), (3,), {"transposeA": True}), ((3,), (2, 3), {"transposeB": True}),
    ((2, 2, 3), (3, 4), {}), ((2, 3), (2, 3, 4), {}), ((2, 2, 3), (2, 3, 2), {}), ((2, 3, 2), (3, 4), {"transposeA": True}), ((2, 2, 3), (4, 3), {"transposeB": True}),
    ((3, 1, 2, 3), (2, 3, 1), {}), ((2, 1, 2, 2, 3), (3, 1, 2, 3), {"transposeB": True}), ((1, 2, 3), (2, 3, 2), {}), ((0, 3), (3, 2), {}), ((2, 0), (0, 3), {}), ((0, 2, 3), (3, 2), {}), ((2, 0, 3), (2, 3, 2), {}),
    ((1, 1, 1), (1, 1), {}),
]
for sa, sb, options in products:
    a, b = T(*sa), T(*sb, seed=1)
    A = np.swapaxes(a.a, -1, -2) if options.get("transposeA") and a.a.ndim > 1 else a.a
    B = np.swapaxes(b.a, -1, -2) if options.get("transposeB") and b.a.ndim > 1 else b.a
    y = np.matmul(A, B)
    case("matmul", a, b, options, gives=y)
    dy = T(*y.shape, seed=2)
    # the derivative of sum(dy y) with respect to each element of a and b; y is linear in either
    def adjoint(x, f):
        d = np.zeros(x.shape)
        for i in np.ndindex(*x.shape):
            one = np.zeros(x.shape)
            one[i] = 1
            d[i] = np.sum(dy.a * f(one))
        return d
    swap = lambda m, on: np.swapaxes(m, -1, -2) if on and m.ndim > 1 else m
    case("matmul.backward", dy, a, b, options, gives=[
        adjoint(a.a, lambda m: np.matmul(swap(m, options.get("transposeA")), B)), adjoint(b.a, lambda m: np.matmul(A, swap(m, options.get("transposeB"))))])

# creation: the last argument, the options, is the test's
for args in [(0, 5, 1), (1, 2, 0.25), (0, 1, 0.3), (5, 0, -2), (3, 3, 1), (3, 1, 1), (0.5, 2, 0.5), (-1, 1, 0.1)]: case("arange", *args, gives=np.arange(*args))
for args in [(0, 1, 5), (0, 1, 1), (2, -2, 3), (0, 1, 0), (1, 1, 2), (0, 0.3, 4)]: case("linspace", *args, gives=np.linspace(*args))
for n in (0, 1, 3): case("eye", n, gives=np.eye(n))
for indices, classes in [([2, 0, 2], 3), ([], 3), ([0], 1)]: case("oneHot", indices, classes, gives=np.eye(classes)[np.array(indices, dtype=int)])
for shape in ([], [0, 2], [2, 3], [1, 2, 1, 2, 1]):
    case("zeros", shape, gives=np.zeros(shape))
    case("ones", shape, gives=np.ones(shape))
    case("full", shape, -2.5, gives=np.full(shape, -2.5))
    case("zerosLike", T(*shape), gives=np.zeros(shape))
    case("onesLike", T(*shape), gives=np.ones(shape))
for data in [1.5, [], [1, 2], [[1, 2, 3], [4, 5, 6]], [[], []], [[[[[1], [2]]]]]]: case("tensor", data, gives=np.array(data, dtype=float))

# printing
texts = []
def text(values, dtype, **options):
    names = {"precision": "precision", "threshold": "threshold", "edgeItems": "edgeitems", "lineWidth": "max_line_width"}
    printed = np.array2string(np.array(values, dtype=dtype), **{names[k]: v for k, v in options.items()})
    def plain(v): return [plain(e) for e in v] if isinstance(v, list) else number(float(v)) if not (v == 0 and math.copysign(1, v) < 0) else "-0"
    texts.append({"values": plain(values), "dtype": "f32" if dtype == np.float32 else "f64", "options": options, "gives": printed})
for dtype in (np.float64, np.float32):
    text([[1, 2.5], [3, 4]], dtype)
    text([0.1, 0.2, 1 / 3], dtype)
    text([1e-5, 1.5, -20], dtype)
    text([1e8, 3], dtype)
    text([[-1, 100.25], [float("nan"), float("-inf")]], dtype)
    text([float("nan")], dtype)
    text([0.0, -0.0], dtype)
    text(0.1, dtype)
    text([], dtype)
    text([[[1, 2], [3, 4]], [[5, 6], [7, 8]]], dtype)
    text([0.123456789, 12.5], dtype, precision=3)
    text([1.23456e-7, 1], dtype, precision=2)
    text(list(range(40)), dtype)
    text([[i + 0.125 * j for j in range(12)] for i in range(3)], dtype, lineWidth=40)
    text(list(range(20)), dtype, threshold=10)
    text([[100 * i + j for j in range(9)] for i in range(8)], dtype, threshold=50, edgeItems=2)
    text([[[i, -i, 0.5] for i in range(9)] for _ in range(2)], dtype, threshold=20)

path = os.path.join(os.path.dirname(os.path.abspath(__file__)), "expected.json")
with open(path, "w") as file:
    lines = ",\n".join(json.dumps(c, separators=(",", ":")) for c in cases)
    prints = ",\n".join(json.dumps(t, separators=(",", ":")) for t in texts)
    file.write(f'{{"source":"NumPy {np.__version__}","cases":[\n{lines}\n],"texts":[\n{prints}\n]}}\n')
print(len(cases), "cases,", len(texts), "texts")
