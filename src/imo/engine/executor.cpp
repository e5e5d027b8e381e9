#include "imo/engine/executor.hpp"

#include "imo/base/check.hpp"
#include "imo/model/architecture.hpp"

#include <algorithm>
#include <array>
#include <type_traits>

namespace imo::engine {

using model::ElementType;
using model::Operator;
using model::OperatorKind;
using model::WeightTensor;

namespace {

// Rows that go through the operators together. Weights come from memory once a pass, and that costs
// as much as some 30 rows of products.
constexpr std::uint32_t kBatch = 128;

// Behind long contexts attention is most of the work, and its rows the most memory: from 4096 keys
// on a pass takes this many.
constexpr std::uint32_t kLongBatch = 32;
constexpr std::uint32_t kScoredKeys = 4096 * kLongBatch;

}  // namespace

Executor::Executor(const model::Program& program, const Plan& plan, const Execution& execution)
    : program_(program),
      plan_(plan),
      kernels_(*execution.kernels),
      pool_(execution.pool),
      split_from_(execution.split_from),
      buffers_(plan.slots.size()) {
  for (std::size_t i = 0; i < buffers_.size(); ++i) {
    const Slot& slot = plan.slots[i];
    if (slot.is_per_key) continue;
    buffers_[i].stride = slot.stride();
    if (!slot.is_cache) buffers_[i].reserve(slot.type, kBatch);
  }
}

std::uint32_t Executor::room(std::uint32_t position) {
  return std::clamp(kScoredKeys / (position + kBatch), kLongBatch, kBatch);
}

void Executor::Buffer::reserve(ElementType type, std::size_t rows) {
  const std::size_t size = stride * rows;
  if (size <= std::max({narrow.size(), wide.size(), large.size()})) return;
  switch (type) {
    case ElementType::kInt16:
      return narrow.resize(size);
    case ElementType::kInt32:
      return wide.resize(size);
    case ElementType::kInt64:
      return large.resize(size);
  }
}

void Executor::reserve(std::uint32_t keys, std::size_t rows) {
  for (std::size_t i = 0; i < buffers_.size(); ++i) {
    const Slot& slot = plan_.slots[i];
    if (!slot.is_per_key) continue;
    buffers_[i].stride = std::size_t{slot.width} * keys;
    buffers_[i].reserve(slot.type, rows);
  }
}

template <typename T>
T* Executor::row(std::uint32_t index, std::size_t row) {
  const std::uint32_t slot = plan_.slot_of[index];
  Buffer& buffer = buffers_[slot];
  if constexpr (std::is_same_v<T, std::int16_t>) {
    if (plan_.slots[slot].is_cache) {
      return rows_[row].cache->rows(slot) + rows_[row].position * buffer.stride;
    }
    return buffer.narrow.data() + row * buffer.stride;
  } else if constexpr (std::is_same_v<T, std::int32_t>) {
    return buffer.wide.data() + row * buffer.stride;
  } else {
    return buffer.large.data() + row * buffer.stride;
  }
}

HeadRows Executor::cached(std::uint32_t index, std::uint32_t row, std::size_t head,
                          std::size_t dimension) {
  const std::uint32_t slot = plan_.slot_of[index];
  return {rows_[row].cache->rows(slot) + head * dimension, buffers_[slot].stride, keys(row),
          dimension};
}

std::size_t Executor::row_size(std::uint32_t index, std::uint32_t row) const {
  const std::size_t width = program_.operators[index].width;
  return plan_.slots[plan_.slot_of[index]].is_per_key ? width * keys(row) : width;
}

template <typename Body>
void Executor::split(std::size_t n, std::size_t elements, Body&& body) {
  if (pool_ != nullptr && n > 1 && elements >= split_from_) {
    pool_->parallel_ranges(n, body);
  } else {
    body(std::size_t{0}, n);
  }
}

void Executor::run_body(std::span<const Row> rows) {
  IMO_CHECK(rows.size() <= kBatch, "more rows than a pass takes");
  std::uint32_t keys = 0;
  for (const Row& row : rows) {
    IMO_CHECK(row.position < row.cache->capacity(), "a row beyond its cache");
    keys = std::max(keys, row.position + 1);
  }
  reserve(keys, rows.size());
  rows_ = rows;
  const auto count = static_cast<std::uint32_t>(rows.size());
  for (std::uint32_t i = 0; i < program_.tail; ++i) run(i, 0, count);
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
  switch (op.kind) {
    case OperatorKind::kMatMul:
    case OperatorKind::kGroupedMatMul:
      output_type(op) == ElementType::kInt16 ? matmul<std::int16_t>(op, index, begin, end)
                                             : matmul<std::int32_t>(op, index, begin, end);
      break;
    case OperatorKind::kScores:
    case OperatorKind::kRowMax:
    case OperatorKind::kExp:
    case OperatorKind::kRowSum:
    case OperatorKind::kMix:
      run_heads(op, index, begin, end);
      break;
    default: {
      const std::size_t count = end - begin;
      split(count, count * op.width, [&](std::size_t first, std::size_t last) {
        for (std::size_t r = first; r < last; ++r) {
          run_row(op, index, begin + static_cast<std::uint32_t>(r));
        }
      });
    }
  }
  if (observer) show(index, begin, end);
}

void Executor::show(std::uint32_t index, std::uint32_t begin, std::uint32_t end) {
  for (std::uint32_t r = begin; r < end; ++r) {
    Output output{index, rows_[r].position, {}, {}, {}};
    const std::size_t size = row_size(index, r);
    switch (output_type(program_.operators[index])) {
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
  const Rescale rescale{op.shift, op.bits};
  switch (op.kind) {
    case OperatorKind::kEmbed:
      return embed(op, index, r, rows_[r].token);
    case OperatorKind::kPosition:
      return embed(op, index, r, rows_[r].position);
    case OperatorKind::kNarrow:
      return kernels_.narrow({row<std::int32_t>(a, r), op.width}, rescale,
                             row<std::int32_t>(index, r));
    case OperatorKind::kSumSquares:
      *row<std::int64_t>(index, r) =
          kernels_.sum_squares({row<std::int32_t>(a, r), program_.operators[a].width}) +
          static_cast<std::int64_t>(op.constant);
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
      return scale(op, index, r);
    case OperatorKind::kAdd:
      return kernels_.add({row<std::int32_t>(a, r), op.width}, row<std::int32_t>(b, r),
                          row<std::int32_t>(index, r));
    case OperatorKind::kRope:
      return rope(op, index, r);
    case OperatorKind::kActivation: {
      const std::int16_t* x = row<std::int16_t>(a, r);
      std::int16_t* out = row<std::int16_t>(index, r);
      const std::span<const std::int16_t> table = program_.tables[op.table].narrow;
      for (std::size_t i = 0; i < op.width; ++i) out[i] = table[model::activation_index(x[i])];
      return;
    }
    case OperatorKind::kMultiply:
      return kernels_.multiply({row<std::int16_t>(a, r), op.width}, row<std::int16_t>(b, r),
                               rescale, row<std::int16_t>(index, r));
    case OperatorKind::kGain:
      return kernels_.multiply({row<std::int16_t>(a, r), op.width},
                               program_.tables[op.table].narrow.data(), rescale,
                               row<std::int16_t>(index, r));
    case OperatorKind::kBlockMax:
      return block_max(op, index, r);
    case OperatorKind::kArgmax:
      return argmax(op, index, r);
    default:
      break;  // run() does the others for all rows together
  }
  IMO_CHECK(false, "an operator that check_structure lets pass has no implementation");
}

void Executor::run_heads(const Operator& op, std::uint32_t index, std::uint32_t begin,
                         std::uint32_t end) {
  // Scores and Mix have their heads in `groups`; the rows of the others have one element a head.
  const std::size_t heads = op.groups != 0 ? op.groups : op.width;
  // Those two make products, as many for each key as a head has elements.
  const bool is_scores = op.kind == OperatorKind::kScores;
  const std::size_t width = is_scores ? program_.operators[op.inputs[0]].width : op.width;
  const std::size_t work = keys(end - 1) * (op.groups != 0 ? width : heads);
  split(heads * (end - begin), (end - begin) * work, [&](std::size_t first, std::size_t last) {
    for (std::size_t i = first; i < last; ++i) {
      run_head(op, index, begin + static_cast<std::uint32_t>(i / heads), i % heads);
    }
  });
}

void Executor::run_head(const Operator& op, std::uint32_t index, std::uint32_t r,
                        std::size_t head) {
  const auto [a, b] = op.inputs;
  const std::size_t n = keys(r);
  switch (op.kind) {
    case OperatorKind::kScores: {
      const std::size_t dimension = program_.operators[a].width / op.groups;
      const std::size_t kv_head = head / (op.groups / op.kv_groups);
      return kernels_.scores(row<std::int16_t>(a, r) + head * dimension,
                             cached(b, r, kv_head, dimension), op.multiplier, {op.shift, op.bits},
                             row<std::int32_t>(index, r) + head * n);
    }
    case OperatorKind::kRowMax:
      row<std::int32_t>(index, r)[head] = kernels_.maximum({row<std::int32_t>(a, r) + head * n, n});
      return;
    case OperatorKind::kExp:
      return kernels_.exps({row<std::int32_t>(a, r) + head * n, n}, row<std::int32_t>(b, r)[head],
                           program_.tables[op.table].wide.data(),
                           row<std::int32_t>(index, r) + head * n);
    case OperatorKind::kRowSum:
      row<std::int64_t>(index, r)[head] = kernels_.sum({row<std::int32_t>(a, r) + head * n, n});
      return;
    default: {  // Mix
      const std::size_t dimension = op.width / op.groups;
      const std::size_t kv_head = head / (op.groups / op.kv_groups);
      return kernels_.mix(row<std::int32_t>(a, r) + head * n, cached(b, r, kv_head, dimension),
                          row<std::int64_t>(index, r) + head * dimension);
    }
  }
}

void Executor::products(const WeightTensor& tensor, std::size_t first, std::size_t count,
                        const InputRows& x, std::int64_t* sums) const {
  if (tensor.is_grouped()) {
    return kernels_.grouped_products({tensor.groups_of(first, count), count, tensor.columns}, x,
                                     sums);
  }
  kernels_.products({tensor.weights.data() + first * tensor.columns, count, tensor.columns}, x,
                    sums);
}

template <typename T>
void Executor::matmul(const Operator& op, std::uint32_t index, std::uint32_t begin,
                      std::uint32_t end) {
  const WeightTensor& tensor = program_.tensors[op.tensor];
  const InputRows x{row<std::int16_t>(op.inputs[0], begin),
                    buffers_[plan_.slot_of[op.inputs[0]]].stride, end - begin};
  const Rescale rescale{op.shift, op.bits};
  const std::size_t pieces = (tensor.rows + kRowsAtOnce - 1) / kRowsAtOnce;
  split(pieces, tensor.size() * x.count, [&](std::size_t first, std::size_t last) {
    std::array<std::int64_t, kRowsAtOnce * kBatch> sums;
    for (std::size_t from = first * kRowsAtOnce; from < last * kRowsAtOnce; from += kRowsAtOnce) {
      const std::size_t count = std::min(kRowsAtOnce, tensor.rows - from);
      products(tensor, from, count, x, sums.data());
      const auto biases =
          tensor.biases.empty() ? tensor.biases : tensor.biases.subspan(from, count);
      for (std::uint32_t t = 0; t < x.count; ++t) {
        const std::span<const std::int64_t> input(sums.data() + t * count, count);
        const std::uint32_t* multipliers = tensor.multipliers.data() + from;
        T* out = row<T>(index, begin + t) + from;
        if constexpr (std::is_same_v<T, std::int16_t>) {
          kernels_.requantise_narrow(input, biases, multipliers, rescale, out);
        } else {
          kernels_.requantise_wide(input, biases, multipliers, rescale, out);
        }
      }
    }
  });
}

void Executor::scale(const Operator& op, std::uint32_t index, std::uint32_t r) {
  const std::uint32_t scaled = op.inputs[0];
  const std::int64_t* reciprocals = row<std::int64_t>(op.inputs[1], r);
  std::int16_t* out = row<std::int16_t>(index, r);
  const std::size_t group = op.width / op.groups;
  const Rescale rescale{op.shift, op.bits};
  const bool is_norm = output_type(program_.operators[scaled]) == ElementType::kInt32;
  for (std::size_t g = 0; g < op.groups; ++g) {
    const std::size_t from = g * group;
    if (is_norm) {
      kernels_.scale_narrowed({row<std::int32_t>(scaled, r) + from, group}, reciprocals[g], rescale,
                              out + from);
    } else {
      kernels_.scale_mixed({row<std::int64_t>(scaled, r) + from, group}, reciprocals[g], rescale,
                           out + from);
    }
  }
}

void Executor::embed(const Operator& op, std::uint32_t index, std::uint32_t r, std::uint32_t from) {
  const WeightTensor& tensor = program_.tensors[op.tensor];
  const std::span<const std::int8_t> weights = tensor.row(from);
  const std::int64_t multiplier = tensor.multipliers[from];
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
  const std::int16_t* turns =
      program_.tables[op.table].narrow.data() + std::size_t{rows_[r].position} * op.rotated;
  std::copy_n(x, op.width, out);
  for (std::size_t start = 0; start < op.width; start += head) {
    if (is_interleaved) {
      kernels_.rope_pairs({x + start, op.rotated}, turns, out + start);
      continue;
    }
    for (std::size_t pair = 0; pair < pairs; ++pair) {
      const std::size_t i = start + pair;
      const std::size_t j = i + pairs;
      const std::int16_t cosine = turns[2 * pair];
      const std::int16_t sine = turns[2 * pair + 1];
      out[i] = model::rope_first(x[i], x[j], cosine, sine);
      out[j] = model::rope_second(x[i], x[j], cosine, sine);
    }
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
