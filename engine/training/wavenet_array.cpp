#include "training/wavenet_array.h"

#include <utility>

namespace triode::training {

template <class T>
Tape<T>::Tape(const ArrayShape& shape, std::vector<ArrayWeights<T>> weights, std::ptrdiff_t input_samples,
              int batch, std::shared_ptr<Recycler> memory)
    : weights_(std::move(weights)),
      axis_(shape, input_samples),
      input_samples_(input_samples),
      batch_(batch),
      channels_(shape.channels),
      bottleneck_(shape.bottleneck),
      memory_(std::move(memory)) {
  const auto place = [&](int rows, std::ptrdiff_t start) {
    const std::ptrdiff_t stride = row_stride(axis_.end - start);
    places_.push_back({item_size_, stride, start});
    item_size_ += rows * stride;
  };
  place(channels_, 0);
  for (std::size_t l = 1; l < axis_.starts.size(); ++l) place(bottleneck_, axis_.starts[l]);
  place(bottleneck_, axis_.starts.back());
  buffer_ = memory_->take(static_cast<std::size_t>(item_size_ * batch) * sizeof(T));
}

// Rows whose first samples nobody asks for begin at `start`: sample 0 would lie in the rows before, so the place of
// the residual, which begins at 0 and comes first, keeps the pointer inside the buffer.
template <class T>
Rows<T> Tape<T>::rows(int item, std::size_t place, int count) const {
  const Place& at = places_[place];
  return {buffer_.template as<T>() + item * item_size_ + at.offset - at.start, at.stride, count};
}

template <class T>
WaveNetArray<T>::WaveNetArray(ArrayShape shape, Isa isa)
    : shape_(std::move(shape)), kernels_(row_kernels<T>(isa)) {
  shape_.check();
}

template class Tape<float>;
template class Tape<double>;
template WaveNetArray<float>::WaveNetArray(ArrayShape, Isa);
template WaveNetArray<double>::WaveNetArray(ArrayShape, Isa);

}  // namespace triode::training
