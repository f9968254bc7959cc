"""Triton kernels of WaveNet arrays. Only imported where Triton is; `arrays.py` launches them.

Signals lie in memory as (items, samples, channels): a sample's channels, padded to a power of two, are neighbours, so
that a tap of a dilated convolution is aligned whatever the dilation. All signals of an array share one axis of time,
and a kernel is told from which sample on its input is there. Convolutions run as matrix products on (samples, taps x
channels) tiles of at least 16 columns: for 8 channels two taps are multiplied at once.
"""

import triton
import triton.language as tl

# Numbers of the activations in `activation`; their derivatives follow from their values.
TANH, SIGMOID, RELU, LEAKY_RELU, SOFTSIGN, HARDTANH = (tl.constexpr(number) for number in range(6))


@triton.jit
def _activation(z, slope, KIND: tl.constexpr):
    if KIND == TANH:
        small = tl.exp(-2.0 * tl.abs(z))
        size = (1.0 - small) / (1.0 + small)
        return tl.where(z < 0, -size, size)
    if KIND == SIGMOID:
        return 1.0 / (1.0 + tl.exp(-z))
    if KIND == RELU:
        return tl.maximum(z, 0.0)
    if KIND == LEAKY_RELU:
        return tl.where(z > 0, z, slope * z)
    if KIND == SOFTSIGN:
        return z / (1.0 + tl.abs(z))
    return tl.minimum(tl.maximum(z, -1.0), 1.0)


@triton.jit
def _derivative(a, slope, KIND: tl.constexpr):
    """Of the activation whose value is `a`."""
    if KIND == TANH:
        return 1.0 - a * a
    if KIND == SIGMOID:
        return a * (1.0 - a)
    if KIND == RELU:
        return tl.where(a > 0, 1.0, 0.0)
    if KIND == LEAKY_RELU:
        return tl.where(a > 0, 1.0, slope)
    if KIND == SOFTSIGN:
        rest = 1.0 - tl.abs(a)
        return rest * rest
    return tl.where(tl.abs(a) < 1, 1.0, 0.0)


@triton.jit
def _tile(x, time, first, last, group, dilation, TAPS: tl.constexpr, P: tl.constexpr, ROWS: tl.constexpr):
    """(BLOCK, ROWS) of x (samples, P): column r holds channel r % P of tap group * ROWS / P + r // P.

    Tap k of a sample at t is x at t - (TAPS - 1 - k) * dilation, zero where that is not in first:last.
    """
    row = tl.arange(0, ROWS)
    tap = group * (ROWS // P) + row // P
    at = time[:, None] - ((TAPS - 1 - tap) * dilation)[None, :]
    there = (at >= first) & (at < last) & (tap < TAPS)[None, :]
    return tl.load(x + at * P + (row % P)[None, :], mask=there, other=0.0)


@triton.jit
def _convolved(
    y, x, weights, time, first, last, dilation,
    TAPS: tl.constexpr, P: tl.constexpr, N: tl.constexpr, ROWS: tl.constexpr, PRECISION: tl.constexpr,
):  # fmt: skip
    """y (BLOCK, N) plus the convolution of x (samples, P) with weights (groups x ROWS, N)."""
    column = tl.arange(0, N)
    row = tl.arange(0, ROWS)
    for group in tl.static_range((TAPS * P + ROWS - 1) // ROWS):
        tile = _tile(x, time, first, last, group, dilation, TAPS, P, ROWS)
        matrix = tl.load(weights + (group * ROWS + row)[:, None] * N + column[None, :])
        y = tl.dot(tile, matrix, y, input_precision=PRECISION)
    return y


@triton.jit(do_not_specialize=["length", "first", "start", "items_per_weights", "dilation"])
def convolution(
    x, weights, bias, y, length, first, start, weight_item, items_per_weights, dilation,
    TAPS: tl.constexpr, P: tl.constexpr, OUT: tl.constexpr, N: tl.constexpr, ROWS: tl.constexpr, BIAS: tl.constexpr,
    PRECISION: tl.constexpr, BLOCK: tl.constexpr,
):  # fmt: skip
    """y (items, samples, OUT) from `start` on: convolution of x (items, samples, P), which is there from `first` on.

    With a negative dilation this is the transposed convolution.
    """
    item = tl.program_id(1).to(tl.int64)
    time = start + tl.program_id(0) * BLOCK + tl.arange(0, BLOCK)
    column = tl.arange(0, N)
    own = item // items_per_weights * weight_item
    total = tl.zeros((BLOCK, N), tl.float32)
    if BIAS:
        total += tl.load(bias + own + column)[None, :]
    x += item * length * P
    total = _convolved(total, x, weights + own, time, first, length, dilation, TAPS, P, N, ROWS, PRECISION)
    inside = (time < length)[:, None] & (column < OUT)[None, :]
    tl.store(y + item * length * OUT + time[:, None] * OUT + column[None, :], total, mask=inside)


@triton.jit(do_not_specialize=["length", "first", "start", "items_per_weights", "dilation", "slope"])
def layer_forward(
    h, condition, a, h_next, weights, conv_at, bias_at, mixin_at, back_at, back_bias_at,
    length, first, start, weight_item, items_per_weights, dilation, slope,
    TAPS: tl.constexpr, P: tl.constexpr, N: tl.constexpr, ROWS: tl.constexpr, D: tl.constexpr, KIND: tl.constexpr,
    PRECISION: tl.constexpr, BLOCK: tl.constexpr,
):  # fmt: skip
    """Activation `a` and residual path `h_next` from `start` on, of h from `first` on; all (items, samples, P).

    condition is (items, D, samples).
    """
    item = tl.program_id(1).to(tl.int64)
    time = start + tl.program_id(0) * BLOCK + tl.arange(0, BLOCK)
    column = tl.arange(0, N)
    own = weights + item // items_per_weights * weight_item
    z = tl.zeros((BLOCK, N), tl.float32) + tl.load(own + bias_at + column)[None, :]
    for knob in tl.static_range(D):
        x = tl.load(condition + (item * D + knob) * length + time, mask=time < length, other=0.0)
        z += x[:, None] * tl.load(own + mixin_at + knob * N + column)[None, :]
    h += item * length * P
    z = _convolved(z, h, own + conv_at, time, first, length, dilation, TAPS, P, N, ROWS, PRECISION)
    value = _activation(z, slope, KIND)
    at = time[:, None] * P + column[None, :]
    a += item * length * P
    h_next += item * length * P
    inside = (time < length)[:, None] & (column < P)[None, :]
    tl.store(a + at, value, mask=inside)
    row = tl.arange(0, N)
    matrix = tl.load(own + back_at + row[:, None] * N + column[None, :])
    out = tl.load(h + at, mask=inside, other=0.0) + tl.load(own + back_bias_at + column)[None, :]
    out = tl.dot(value, matrix, out, input_precision=PRECISION)
    tl.store(h_next + at, out, mask=inside)


@triton.jit(do_not_specialize=["length", "first", "start", "total_start", "items_per_weights", "dilation", "slope"])
def layer_backward(
    dz, dh_above, dh, a_below, dtotal, dz_below, weights, conv_at, back_at,
    length, first, start, total_start, weight_item, items_per_weights, dilation, slope,
    TAPS: tl.constexpr, P: tl.constexpr, N: tl.constexpr, ROWS: tl.constexpr, KIND: tl.constexpr,
    ABOVE: tl.constexpr, BELOW: tl.constexpr, PRECISION: tl.constexpr, BLOCK: tl.constexpr,
):  # fmt: skip
    """Gradient dh of a layer's input from `start` on, and dz of the layer below before its activation.

    dz and dh_above are gradients before the layer's activation and of its residual output, there from `first` on; the
    gradient of the head sum is there from `total_start` on. With no taps dh is dh_above itself and is not written: so
    begins the last layer. Without `ABOVE` dh_above is zero, without `BELOW` there is no layer below.
    """
    item = tl.program_id(1).to(tl.int64)
    time = start + tl.program_id(0) * BLOCK + tl.arange(0, BLOCK)
    column = tl.arange(0, N)
    own = weights + item // items_per_weights * weight_item
    at = item * length * P + time[:, None] * P + column[None, :]
    inside = (time < length)[:, None] & (column < P)[None, :]
    gradient = tl.zeros((BLOCK, N), tl.float32)
    if ABOVE:
        gradient += tl.load(dh_above + at, mask=inside & (time >= first)[:, None], other=0.0)
    if TAPS > 0:
        gradient = _convolved(
            gradient, dz + item * length * P, own + conv_at, time, first, length, -dilation, TAPS, P, N, ROWS, PRECISION
        )
        tl.store(dh + at, gradient, mask=inside)
    if BELOW:
        row = tl.arange(0, N)
        matrix = tl.load(own + back_at + row[:, None] * N + column[None, :])
        da = tl.load(dtotal + at, mask=inside & (time >= total_start)[:, None], other=0.0)
        da = tl.dot(gradient, matrix, da, input_precision=PRECISION)
        value = tl.load(a_below + at, mask=inside, other=0.0)
        tl.store(dz_below + at, da * _derivative(value, slope, KIND), mask=inside)


@triton.jit(do_not_specialize=["length", "items"])
def weight_gradient(
    x, g, condition, table, out, length, items, out_size,
    TAPS: tl.constexpr, PX: tl.constexpr, PG: tl.constexpr, N: tl.constexpr, D: tl.constexpr, BIAS: tl.constexpr,
    ROWS: tl.constexpr, CHUNK: tl.constexpr, PRECISION: tl.constexpr, BLOCK: tl.constexpr,
):  # fmt: skip
    """Gradients of the weights of a convolution x -> y with gradients g of y, over one chunk of time of one item.

    x and g are (layers, items, samples, channels). One layer for each row of `table`: its number, dilation, where x
    and g begin, where to write the gradients of the weights, and of the bias and then the D rows of the condition.
    Those are rows of the same product, behind the taps'. `out` is (items x chunks, out_size).
    """
    chunk, item = tl.program_id(0), tl.program_id(1).to(tl.int64)
    entry = table + tl.program_id(2) * 6
    layer = tl.load(entry).to(tl.int64)
    dilation, first, start = tl.load(entry + 1), tl.load(entry + 2), tl.load(entry + 3)
    conv_at, bias_at = tl.load(entry + 4), tl.load(entry + 5)
    x += (layer * items + item) * length * PX
    g += (layer * items + item) * length * PG
    out += (item * tl.num_programs(0) + chunk) * out_size
    begin = start + chunk * CHUNK
    end = tl.minimum(begin + CHUNK, length)
    row = tl.arange(0, ROWS)
    column = tl.arange(0, N)
    knob = row - (TAPS * PX + 1)
    total = tl.zeros((ROWS, N), tl.float32)
    for at in range(0, CHUNK, BLOCK):
        time = begin + at + tl.arange(0, BLOCK)
        inside = (time < end)[:, None] & (column < PG)[None, :]
        gradient = tl.load(g + time[:, None] * PG + column[None, :], mask=inside, other=0.0)
        tile = _tile(x, time, first, end, 0, dilation, TAPS, PX, ROWS)
        if BIAS:
            tile = tl.where((knob == -1)[None, :], 1.0, tile)
        for number in tl.static_range(D):
            heard = tl.load(condition + (item * D + number) * length + time, mask=time < end, other=0.0)
            tile = tl.where((knob == number)[None, :], heard[:, None], tile)
        total = tl.dot(tl.trans(tile), gradient, total, input_precision=PRECISION)
    weights = (row < TAPS * PX)[:, None] & (column < N)[None, :]
    tl.store(out + conv_at + row[:, None] * N + column[None, :], total, mask=weights)
    if BIAS:
        sums = ((knob >= -1) & (knob < D))[:, None] & (column < N)[None, :]
        tl.store(out + bias_at + (knob + 1)[:, None] * N + column[None, :], total, mask=sums)


@triton.jit
def gram_schmidt(a, q, SIZE: tl.constexpr, S: tl.constexpr):
    """q: the columns of a (items, SIZE, SIZE) made orthonormal from left to right.

    What lies along the earlier columns is taken off twice, after which rounding leaves nothing of it (Daniel et al.
    1976).
    """
    row, column = tl.arange(0, S), tl.arange(0, S)
    a += tl.program_id(0) * SIZE * SIZE
    q += tl.program_id(0) * SIZE * SIZE
    made = tl.zeros((S, S), tl.float32)
    for number in range(SIZE):
        v = tl.load(a + row * SIZE + number, mask=row < SIZE, other=0.0)
        v = v / tl.sqrt(tl.maximum(tl.sum(v * v, axis=0), 1e-30))
        for _ in tl.static_range(2):
            along = tl.sum(made * v[:, None], axis=0)
            v -= tl.sum(made * along[None, :], axis=1)
            v = v / tl.sqrt(tl.maximum(tl.sum(v * v, axis=0), 1e-30))
        made = tl.where((column == number)[None, :], v[:, None], made)
    inside = (row < SIZE)[:, None] & (column < SIZE)[None, :]
    tl.store(q + row[:, None] * SIZE + column[None, :], made, mask=inside)
