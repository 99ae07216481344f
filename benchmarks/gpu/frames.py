"""What a cell's Triton kernels have in common; `source` fills in what the cell says, where a name stands in braces.

A program of the grid has one model and `ROWS` of its sequences, and time is a loop inside it. R is loaded once and
stays in shared memory, because a single ``tl.dot`` reads each gate's block: Triton then loads it from there inside the
loop. A tile has the sequences as rows and the units as columns, so that neighbouring threads hold neighbouring units.

``forward`` goes through T steps and, with ``SAVE``, saves the multipliers of the adjoint and h after every step.
``norms`` goes back, divides each sequence's adjoint by a power of two at every step, and writes the sum of squares of
every state's adjoint, and the power. ``errors`` goes back with the errors of the last N outputs, unscaled, and writes
those of the net inputs: the gradient by the weights is then one product over all steps, as large as a GPU likes it,
where sums over the steps would take a quarter of its registers.

Arrays, of M models, B sequences and H units, both padded: drive, d_wx and d_rh [M T B G H], R [M G H H] (transposed
for ``forward``), p [M P H], start and end [S M B H], saved [M T B K H], hs [M T+1 B H], outputs [M N B H], power [M B],
powers [T M B], squares [T S M B], d_p [M B P H]. The multipliers of the next step back are loaded before the
products of this one, so that they are there in time.
"""

HEAD = """\
import triton
import triton.language as tl

from gpu.pointwise import (
    exponent, log_sigmoid, power_of_two, relu, sigmoid, sigmoid_slope, square, tanh, tanh_slope,
)
"""

PLACES = """\
    model = tl.program_id(0).to(tl.int64)
    rows = tl.program_id(1) * ROWS + tl.arange(0, ROWS)[:, None]
    units = tl.arange(0, H)[None, :]
    within = tl.arange(0, H)[:, None] * H + units
    {weights}
    {parameters}
"""

FORWARD = (
    """

@triton.jit(do_not_specialize=["M", "T", "B"])
def forward(drive, R, p, start, saved, hs, end, M, T, B, H: tl.constexpr, ROWS: tl.constexpr, SAVE: tl.constexpr):
"""
    + PLACES
    + """\
    {states}
    drive += (model * T * B + rows) * {G} * H + units
    saved += (model * T * B + rows) * {K} * H + units
    hs += (model * (T + 1) * B + rows) * H + units
    if SAVE:
        tl.store(hs, s_h)
    for t in range(T):
        {drive}
        {recurrent}
        {lines}
        if SAVE:
            {saves}
        {after}
        if SAVE:
            tl.store(hs + (t + 1) * B * H, s_h)
        drive += B * {G} * H
        saved += B * {K} * H
    {end_states}
"""
)

NORMS = (
    """

@triton.jit(do_not_specialize=["M", "T", "B"])
def norms(saved, R, p, start, power, squares, powers, end, M, T, B, H: tl.constexpr, ROWS: tl.constexpr):
"""
    + PLACES
    + """\
    {errors}
    sequence = model * B + rows
    scale = tl.load(power + sequence)
    saved += (model * T * B + rows) * {K} * H + units
    at = (T - 1) * B * {K} * H
    {multipliers}
    for back in range(T):
        {lines}
        at = tl.maximum(T - 2 - back, 0) * B * {K} * H
        {multipliers}
        {transposed}
        {before}
        peak = tl.abs(d_h)
        {peaks}
        more = tl.minimum(exponent(tl.max(peak, 1, keep_dims=True)), 126)
        factor = power_of_two(-more)
        scale += more
        {scaled}
        {squares}
        tl.store(powers + back * M * B + sequence, scale)
    tl.store(power + sequence, scale)
    {end_errors}
"""
)

ERRORS = (
    """

@triton.jit(do_not_specialize=["T", "B", "N"])
def errors(saved, R, p, outputs, d_wx, d_rh, d_p, T, B, N, H: tl.constexpr, ROWS: tl.constexpr):
"""
    + PLACES
    + """\
    {zeros}
    {zero_sums}
    outputs += (model * N * B + rows) * H + units
    d_wx += (model * T * B + rows) * {G} * H + units
    d_rh += (model * T * B + rows) * {G} * H + units
    saved += (model * T * B + rows) * {K} * H + units
    at = (T - 1) * B * {K} * H
    {multipliers}
    for back in range(T):
        if back < N:
            d_h += tl.load(outputs + (N - 1 - back) * B * H)
        {lines}
        net = (T - 1 - back) * B * {G} * H
        {nets}
        {summed}
        at = tl.maximum(T - 2 - back, 0) * B * {K} * H
        {multipliers}
        {transposed}
        {before}
    {sums}
"""
)
