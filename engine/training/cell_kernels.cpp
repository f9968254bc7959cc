// Compiled once per instruction set, with -DISA_NS=<its namespace>. Nothing here may be shared with another copy: see
// vectors.h.
#include "training/cell_kernels.h"

#include "training/vectors.h"

namespace triode::training {
namespace ISA_NS {
namespace {

// Fetches the lines at `soon` samples after time t of the rows of a unit.
template <int access, class T>
inline void prefetch(Rows<T> rows, int units, int unit, std::ptrdiff_t t, std::ptrdiff_t soon) {
  for (int row = unit; row < rows.count; row += units) __builtin_prefetch(rows.row(row) + t + soon, access, 2);
}

// Calls f(unit, t) for every register of every unit's rows.
template <class T, class F>
inline void for_registers(int units, Range step, const F& f) {
  for (int unit = 0; unit < units; ++unit)
    for (std::ptrdiff_t t = step.begin; t < step.end; t += kLanes<T>) f(unit, t);
}

template <class T>
void lstm_forward(Rows<T> gates, Rows<T> memory, Rows<T> hidden, std::ptrdiff_t lanes, Range step,
                  std::ptrdiff_t soon) noexcept {
  const int units = hidden.count;
  for_registers<T>(units, step, [&](int unit, std::ptrdiff_t t) {
    prefetch<1>(gates, units, unit, t, soon);
    prefetch<1>(memory, units, unit, t, soon);
    prefetch<1>(hidden, units, unit, t, soon);
    T* const at[4] = {gates.row(unit) + t, gates.row(units + unit) + t, gates.row(2 * units + unit) + t,
                      gates.row(3 * units + unit) + t};
    const Vec<T> in = logistic<T>(load(at[0])), keep = logistic<T>(load(at[1]));
    const Vec<T> candidate = hyperbolic_tangent(load(at[2])), out = logistic<T>(load(at[3]));
    const Vec<T> now = keep * load(memory.row(unit) + t) + in * candidate;
    store(at[0], in);
    store(at[1], keep);
    store(at[2], candidate);
    store(at[3], out);
    store(memory.row(unit) + t + lanes, now);
    store<T>(hidden.row(unit) + t + lanes, out * hyperbolic_tangent(now));
  });
}

template <class T>
void lstm_backward(Rows<const T> gates, Rows<const T> memory, Rows<const T> hidden, Rows<T> dmemory, Rows<T> dhidden,
                   Rows<T> dgates, std::ptrdiff_t lanes, Range step, std::ptrdiff_t soon) noexcept {
  const int units = dhidden.count;
  for_registers<T>(units, step, [&](int unit, std::ptrdiff_t t) {
    prefetch<0>(gates, units, unit, t, soon);
    prefetch<0>(memory, units, unit, t, soon);
    prefetch<0>(hidden, units, unit, t, soon);
    const auto gate = [&](int index) { return load(gates.row(index * units + unit) + t); };
    const auto put = [&](int index, Vec<T> value) { store(dgates.row(index * units + unit) + t, value); };
    const Vec<T> in = gate(0), keep = gate(1), candidate = gate(2), out = gate(3);
    const Vec<T> shown = hyperbolic_tangent(load(memory.row(unit) + t + lanes));
    const Vec<T> dh = load(dhidden.row(unit) + t + lanes);
    T* const carried = dmemory.row(unit) + t - step.begin;
    const Vec<T> dc = load(carried) + dh * out * (T(1) - shown * shown);
    put(0, dc * candidate * in * (T(1) - in));
    put(1, dc * load(memory.row(unit) + t) * keep * (T(1) - keep));
    put(2, dc * in * (T(1) - candidate * candidate));
    put(3, dh * shown * out * (T(1) - out));
    store<T>(carried, dc * keep);
  });
}

template <class T>
void gru_forward(Rows<T> gates, Rows<T>, Rows<T> hidden, std::ptrdiff_t lanes, Range step,
                  std::ptrdiff_t soon) noexcept {
  const int units = hidden.count;
  for_registers<T>(units, step, [&](int unit, std::ptrdiff_t t) {
    prefetch<1>(gates, units, unit, t, soon);
    prefetch<1>(hidden, units, unit, t, soon);
    T* const at[4] = {gates.row(unit) + t, gates.row(units + unit) + t, gates.row(2 * units + unit) + t,
                      gates.row(3 * units + unit) + t};
    const Vec<T> reset = logistic<T>(load(at[1])), update = logistic<T>(load(at[2]));
    const Vec<T> candidate = hyperbolic_tangent(load(at[3]) + reset * load(at[0]));
    store(at[1], reset);
    store(at[2], update);
    store(at[3], candidate);
    store<T>(hidden.row(unit) + t + lanes, candidate + update * (load(hidden.row(unit) + t) - candidate));
  });
}

template <class T>
void gru_backward(Rows<const T> gates, Rows<const T>, Rows<const T> hidden, Rows<T>, Rows<T> dhidden, Rows<T> dgates,
                  std::ptrdiff_t lanes, Range step,
                  std::ptrdiff_t soon) noexcept {
  const int units = dhidden.count;
  for_registers<T>(units, step, [&](int unit, std::ptrdiff_t t) {
    prefetch<0>(gates, units, unit, t, soon);
    prefetch<0>(hidden, units, unit, t, soon);
    const auto gate = [&](int index) { return load(gates.row(index * units + unit) + t); };
    const auto put = [&](int index, Vec<T> value) { store(dgates.row(index * units + unit) + t, value); };
    const Vec<T> part = gate(0), reset = gate(1), update = gate(2), candidate = gate(3);
    T* const before = dhidden.row(unit) + t;
    const Vec<T> dh = load(before + lanes);
    const Vec<T> dcandidate = dh * (T(1) - update) * (T(1) - candidate * candidate);
    put(0, dcandidate * reset);
    put(1, dcandidate * part * reset * (T(1) - reset));
    put(2, dh * (load(hidden.row(unit) + t) - candidate) * update * (T(1) - update));
    put(3, dcandidate);
    store<T>(before, load(before) + dh * update);
  });
}

}  // namespace

template <class T>
const CellKernels<T>& cell_kernels(Unit unit) {
  static constexpr CellKernels<T> lstm = {lstm_forward<T>, lstm_backward<T>}, gru = {gru_forward<T>, gru_backward<T>};
  return unit == Unit::lstm ? lstm : gru;
}

template const CellKernels<float>& cell_kernels(Unit);
template const CellKernels<double>& cell_kernels(Unit);

}  // namespace ISA_NS
}  // namespace triode::training
