#include "imo/engine/executor.hpp"

#include "imo/base/check.hpp"
#include "imo/engine/kernels.hpp"
#include "imo/model/architecture.hpp"

#include <algorithm>
#include <type_traits>

namespace imo::engine {

using model::ElementType;
using model::Operator;
using model::OperatorKind;
using model::WeightTensor;

namespace {

// Positions that go through the operators together: enough to use each row of weights while it is
// in the cache, few enough that the attention rows of a long context stay small.
constexpr std::uint32_t kBatch = 32;

}  // namespace

Executor::Executor(const model::Program& program, const Plan& plan, std::uint32_t capacity)
    : program_(program), plan_(plan), capacity_(capacity), batch_(std::min(kBatch, capacity)) {
  for (const Slot& slot : plan.slots) {
    Buffer buffer;
    buffer.stride = slot.is_per_key ? slot.width * capacity : slot.width;
    const std::size_t size = buffer.stride * (slot.is_cache ? capacity : batch_);
    switch (slot.type) {
      case ElementType::kInt16:
        buffer.narrow.resize(size);
        break;
      case ElementType::kInt32:
        buffer.wide.resize(size);
        break;
      case ElementType::kInt64:
        buffer.large.resize(size);
        break;
    }
    buffers_.push_back(std::move(buffer));
  }
}

template <typename T>
std::vector<T>& Executor::elements(Buffer& buffer) {
  if constexpr (std::is_same_v<T, std::int16_t>) {
    return buffer.narrow;
  } else if constexpr (std::is_same_v<T, std::int32_t>) {
    return buffer.wide;
  } else {
    return buffer.large;
  }
}

template <typename T>
T* Executor::row(std::uint32_t index, std::size_t row) {
  const std::uint32_t slot = plan_.slot_of[index];
  const std::size_t at = plan_.slots[slot].is_cache ? first_ + row : row;
  Buffer& buffer = buffers_[slot];
  return elements<T>(buffer).data() + at * buffer.stride;
}

const std::int16_t* Executor::cached(std::uint32_t index, std::size_t position) {
  const Buffer& buffer = buffers_[plan_.slot_of[index]];
  return buffer.narrow.data() + position * buffer.stride;
}

void Executor::run_body(std::span<const TokenId> tokens, std::uint32_t first) {
  IMO_CHECK(tokens.size() <= batch_ && first + tokens.size() <= capacity_, "batch too long");
  tokens_ = tokens;
  first_ = first;
  const auto rows = static_cast<std::uint32_t>(tokens.size());
  for (std::uint32_t i = 0; i < program_.tail; ++i) run(i, 0, rows);
}

void Executor::run_tail(std::uint32_t begin, std::uint32_t end) {
  const auto count = static_cast<std::uint32_t>(program_.operators.size());
  for (std::uint32_t i = program_.tail; i < count; ++i) run(i, begin, end);
}

std::span<const std::int32_t> Executor::logits(std::uint32_t row) const {
  const Buffer& buffer = buffers_[plan_.slot_of[program_.logits_operator()]];
  return std::span(buffer.wide).subspan(row * buffer.stride, program_.vocabulary_size);
}

TokenId Executor::greedy(std::uint32_t row) const {
  const Buffer& buffer = buffers_[plan_.slot_of.back()];
  return static_cast<TokenId>(buffer.wide[row * buffer.stride]);
}

void Executor::run(std::uint32_t index, std::uint32_t begin, std::uint32_t end) {
  const Operator& op = program_.operators[index];
  if (op.kind == OperatorKind::kMatMul) {
    output_type(op) == ElementType::kInt16 ? matmul<std::int16_t>(op, index, begin, end)
                                           : matmul<std::int32_t>(op, index, begin, end);
  } else {
    for (std::uint32_t r = begin; r < end; ++r) run_row(op, index, r);
  }
  if (observer) show(index, begin, end);
}

void Executor::show(std::uint32_t index, std::uint32_t begin, std::uint32_t end) {
  const Operator& op = program_.operators[index];
  const bool is_per_key = plan_.slots[plan_.slot_of[index]].is_per_key;
  for (std::uint32_t r = begin; r < end; ++r) {
    Output output{index, static_cast<std::uint32_t>(first_ + r), {}, {}, {}};
    const std::size_t size = is_per_key ? op.width * keys(r) : op.width;
    switch (output_type(op)) {
      case ElementType::kInt16:
        output.narrow = {row<std::int16_t>(index, r), size};
        break;
      case ElementType::kInt32:
        output.wide = {row<std::int32_t>(index, r), size};
        break;
      case ElementType::kInt64:
        output.large = {row<std::int64_t>(index, r), size};
        break;
    }
    observer(output);
  }
}

void Executor::run_row(const Operator& op, std::uint32_t index, std::uint32_t r) {
  const auto [a, b] = op.inputs;
  switch (op.kind) {
    case OperatorKind::kEmbed:
      return embed(op, index, r);
    case OperatorKind::kNarrow: {
      const std::int32_t* x = row<std::int32_t>(a, r);
      std::int32_t* u = row<std::int32_t>(index, r);
      for (std::size_t i = 0; i < op.width; ++i) {
        u[i] = static_cast<std::int32_t>(model::rescale(x[i], op.shift, op.bits));
      }
      return;
    }
    case OperatorKind::kSumSquares:
      *row<std::int64_t>(index, r) =
          model::sum_squares({row<std::int32_t>(a, r), program_.operators[a].width},
                             static_cast<std::int64_t>(op.constant));
      return;
    case OperatorKind::kRoot:
      *row<std::int64_t>(index, r) = model::floor_root(*row<std::int64_t>(a, r));
      return;
    case OperatorKind::kReciprocal: {
      const std::int64_t* z = row<std::int64_t>(a, r);
      std::int64_t* out = row<std::int64_t>(index, r);
      for (std::size_t i = 0; i < op.width; ++i) {
        out[i] = model::floor_reciprocal(z[i], static_cast<unsigned>(op.constant));
      }
      return;
    }
    case OperatorKind::kScale:
      return output_type(program_.operators[a]) == ElementType::kInt32
                 ? scale<std::int32_t>(op, index, r)
                 : scale<std::int64_t>(op, index, r);
    case OperatorKind::kAdd: {
      const std::int32_t* x = row<std::int32_t>(a, r);
      const std::int32_t* y = row<std::int32_t>(b, r);
      std::int32_t* out = row<std::int32_t>(index, r);
      for (std::size_t i = 0; i < op.width; ++i) out[i] = model::add_element(x[i], y[i]);
      return;
    }
    case OperatorKind::kRope:
      return rope(op, index, r);
    case OperatorKind::kScores:
      return scores(op, index, r);
    case OperatorKind::kRowMax: {
      const std::int32_t* z = row<std::int32_t>(a, r);
      std::int32_t* out = row<std::int32_t>(index, r);
      const std::size_t n = keys(r);
      for (std::size_t h = 0; h < op.width; ++h)
        out[h] = *std::max_element(z + h * n, z + (h + 1) * n);
      return;
    }
    case OperatorKind::kExp:
      return exp(op, index, r);
    case OperatorKind::kRowSum: {
      const std::int32_t* e = row<std::int32_t>(a, r);
      std::int64_t* out = row<std::int64_t>(index, r);
      const std::size_t n = keys(r);
      for (std::size_t h = 0; h < op.width; ++h) {
        out[h] = 0;
        for (std::size_t t = 0; t < n; ++t) out[h] += e[h * n + t];
      }
      return;
    }
    case OperatorKind::kMix:
      return mix(op, index, r);
    case OperatorKind::kActivation: {
      const std::int16_t* x = row<std::int16_t>(a, r);
      std::int16_t* out = row<std::int16_t>(index, r);
      const std::span<const std::int16_t> table = program_.tables[op.table].narrow;
      for (std::size_t i = 0; i < op.width; ++i) out[i] = table[model::activation_index(x[i])];
      return;
    }
    case OperatorKind::kMultiply: {
      const std::int16_t* x = row<std::int16_t>(a, r);
      const std::int16_t* y = row<std::int16_t>(b, r);
      std::int16_t* out = row<std::int16_t>(index, r);
      for (std::size_t i = 0; i < op.width; ++i) {
        out[i] =
            static_cast<std::int16_t>(model::rescale(std::int64_t{x[i]} * y[i], op.shift, op.bits));
      }
      return;
    }
    case OperatorKind::kBlockMax:
      return block_max(op, index, r);
    case OperatorKind::kArgmax:
      return argmax(op, index, r);
    case OperatorKind::kMatMul:
      break;  // run() does all rows together
  }
  IMO_CHECK(false, "an operator that check_structure lets pass has no implementation");
}

template <typename T>
void Executor::matmul(const Operator& op, std::uint32_t index, std::uint32_t begin,
                      std::uint32_t end) {
  const WeightTensor& tensor = program_.tensors[op.tensor];
  const std::size_t columns = tensor.columns;
  const std::size_t stride = buffers_[plan_.slot_of[op.inputs[0]]].stride;
  const std::int16_t* x = row<std::int16_t>(op.inputs[0], begin);
  T* out = row<T>(index, begin);
  const std::size_t out_stride = buffers_[plan_.slot_of[index]].stride;
  const std::size_t rows = end - begin;
  std::array<std::int64_t, kBatch> sums;
  for (std::size_t i = 0; i < tensor.rows; ++i) {
    const std::int8_t* w = tensor.weights.data() + i * columns;
    std::size_t r = 0;
    for (; r + 4 <= rows; r += 4) dot_four(w, x + r * stride, stride, columns, sums.data() + r);
    for (; r < rows; ++r) sums[r] = dot(w, x + r * stride, columns);
    const std::int64_t bias = tensor.bias(i);
    const std::int64_t multiplier = tensor.multipliers[i];
    for (r = 0; r < rows; ++r) {
      out[r * out_stride + i] =
          static_cast<T>(model::matmul_element(sums[r], bias, multiplier, op.shift, op.bits));
    }
  }
}

template <typename T>
void Executor::scale(const Operator& op, std::uint32_t index, std::uint32_t r) {
  const T* x = row<T>(op.inputs[0], r);
  const std::int64_t* reciprocals = row<std::int64_t>(op.inputs[1], r);
  std::int16_t* out = row<std::int16_t>(index, r);
  const std::size_t group = op.width / op.groups;
  for (std::size_t g = 0; g < op.groups; ++g) {
    for (std::size_t i = g * group; i < (g + 1) * group; ++i) {
      out[i] = static_cast<std::int16_t>(
          model::rescale(std::int64_t{x[i]} * reciprocals[g], op.shift, op.bits));
    }
  }
}

void Executor::embed(const Operator& op, std::uint32_t index, std::uint32_t r) {
  const WeightTensor& tensor = program_.tensors[op.tensor];
  const std::span<const std::int8_t> weights = tensor.row(tokens_[r]);
  const std::int64_t multiplier = tensor.multipliers[tokens_[r]];
  std::int32_t* out = row<std::int32_t>(index, r);
  for (std::size_t i = 0; i < weights.size(); ++i) {
    out[i] = static_cast<std::int32_t>(model::rescale(weights[i] * multiplier, op.shift, op.bits));
  }
}

void Executor::rope(const Operator& op, std::uint32_t index, std::uint32_t r) {
  const std::int16_t* x = row<std::int16_t>(op.inputs[0], r);
  std::int16_t* out = row<std::int16_t>(index, r);
  const std::size_t pairs = op.rotated / 2;
  const std::size_t head = op.width / op.groups;
  const bool is_interleaved =
      op.pairing == static_cast<std::uint8_t>(model::RopePairing::kInterleaved);
  const std::int16_t* turns = program_.tables[op.table].narrow.data() + (first_ + r) * op.rotated;
  std::copy_n(x, op.width, out);
  for (std::size_t start = 0; start < op.width; start += head) {
    for (std::size_t pair = 0; pair < pairs; ++pair) {
      const std::size_t i = start + (is_interleaved ? 2 * pair : pair);
      const std::size_t j = is_interleaved ? i + 1 : i + pairs;
      const std::int16_t cosine = turns[2 * pair];
      const std::int16_t sine = turns[2 * pair + 1];
      out[i] = model::rope_first(x[i], x[j], cosine, sine);
      out[j] = model::rope_second(x[i], x[j], cosine, sine);
    }
  }
}

void Executor::scores(const Operator& op, std::uint32_t index, std::uint32_t r) {
  const std::int16_t* q = row<std::int16_t>(op.inputs[0], r);
  std::int32_t* out = row<std::int32_t>(index, r);
  const std::size_t head = program_.operators[op.inputs[0]].width / op.groups;
  const std::size_t share = op.groups / op.kv_groups;
  const std::size_t n = keys(r);
  const std::int16_t* k = cached(op.inputs[1], 0);
  const std::size_t stride = buffers_[plan_.slot_of[op.inputs[1]]].stride;
  for (std::size_t h = 0; h < op.groups; ++h) {
    for (std::size_t t = 0; t < n; ++t) {
      const std::int64_t sum = dot(q + h * head, k + t * stride + h / share * head, head);
      out[h * n + t] =
          static_cast<std::int32_t>(model::rescale(sum * op.multiplier, op.shift, op.bits));
    }
  }
}

void Executor::exp(const Operator& op, std::uint32_t index, std::uint32_t r) {
  const std::int32_t* z = row<std::int32_t>(op.inputs[0], r);
  const std::int32_t* maxima = row<std::int32_t>(op.inputs[1], r);
  std::int32_t* out = row<std::int32_t>(index, r);
  const std::span<const std::int32_t> table = program_.tables[op.table].wide;
  const std::size_t n = keys(r);
  for (std::size_t h = 0; h < op.width; ++h) {
    for (std::size_t t = 0; t < n; ++t) {
      out[h * n + t] = table[model::exp_index(maxima[h], z[h * n + t])];
    }
  }
}

void Executor::mix(const Operator& op, std::uint32_t index, std::uint32_t r) {
  const std::int32_t* e = row<std::int32_t>(op.inputs[0], r);
  std::int64_t* out = row<std::int64_t>(index, r);
  const std::size_t head = op.width / op.groups;
  const std::size_t share = op.groups / op.kv_groups;
  const std::size_t n = keys(r);
  const std::int16_t* v = cached(op.inputs[1], 0);
  const std::size_t stride = buffers_[plan_.slot_of[op.inputs[1]]].stride;
  for (std::size_t h = 0; h < op.groups; ++h) {
    mix_head(e + h * n, v + h / share * head, stride, n, head, out + h * head);
  }
}

void Executor::block_max(const Operator& op, std::uint32_t index, std::uint32_t r) {
  const std::int32_t* logits = row<std::int32_t>(op.inputs[0], r);
  std::int32_t* out = row<std::int32_t>(index, r);
  const auto size = static_cast<std::int32_t>(program_.operators[op.inputs[0]].width);
  const auto block = static_cast<std::int32_t>(model::kArgmaxBlock);
  for (std::int32_t start = 0; start < size; start += block) {
    model::Candidate best{logits[start], start};
    for (std::int32_t id = start + 1; id < std::min(size, start + block); ++id) {
      best = model::better(best, {logits[id], id});
    }
    *out++ = best.value;
    *out++ = best.id;
  }
}

void Executor::argmax(const Operator& op, std::uint32_t index, std::uint32_t r) {
  const std::int32_t* pairs = row<std::int32_t>(op.inputs[0], r);
  const std::size_t size = program_.operators[op.inputs[0]].width;
  model::Candidate best{pairs[0], pairs[1]};
  for (std::size_t i = 2; i < size; i += 2) best = model::better(best, {pairs[i], pairs[i + 1]});
  *row<std::int32_t>(index, r) = best.id;
}

}  // namespace imo::engine
