#include "imo/engine/plain_run.hpp"

#include "imo/base/check.hpp"

#include <algorithm>

namespace imo::engine::testing {
namespace {

using model::Operator;
using model::OperatorKind;
using model::Program;
using Row = std::vector<std::int64_t>;

__extension__ using Wide = __int128;

Wide floor_divide(Wide a, Wide b) {
  return a / b - (a % b < 0 ? 1 : 0);
}

std::int64_t clamped(Wide x, unsigned bits) {
  const Wide limit = (Wide{1} << bits) - 1;
  return static_cast<std::int64_t>(std::min(std::max(x, -limit), limit));
}

std::int64_t rounded(Wide x, unsigned shift, unsigned bits) {
  return clamped(floor_divide(2 * x + (Wide{1} << shift), Wide{2} << shift), bits);
}

// By bisection, unlike the definition's Newton.
std::int64_t root_of(std::int64_t v) {
  std::int64_t low = 0;
  std::int64_t high = std::int64_t{1} << 31;
  while (high - low > 1) {
    const std::int64_t middle = low + (high - low) / 2;
    (Wide{middle} * middle <= v ? low : high) = middle;
  }
  return low;
}

class PlainRun {
 public:
  PlainRun(const Program& program, std::span<const model::TokenId> tokens)
      : program_(program), tokens_(tokens), rows_(program.operators.size()) {}

  PlainRows run() {
    for (std::size_t i = 0; i < rows_.size(); ++i) {
      for (std::size_t p = 0; p < tokens_.size(); ++p) rows_[i].push_back(element_row(i, p));
    }
    return std::move(rows_);
  }

 private:
  const Row& in(const Operator& op, std::size_t slot, std::size_t p) const {
    return rows_[op.inputs[slot]][p];
  }

  Row element_row(std::size_t index, std::size_t p) const {
    const Operator& op = program_.operators[index];
    switch (op.kind) {
      case OperatorKind::kEmbed:
        return embed(op, tokens_[p]);
      case OperatorKind::kPosition:
        return embed(op, p);
      case OperatorKind::kGain:
        return gain(op, p);
      case OperatorKind::kNarrow:
        return narrow(op, p);
      case OperatorKind::kSumSquares:
        return sum_squares(op, p);
      case OperatorKind::kRoot:
        return {root_of(in(op, 0, p)[0])};
      case OperatorKind::kReciprocal:
        return reciprocal(op, p);
      case OperatorKind::kScale:
        return scale(op, p);
      case OperatorKind::kMatMul:
      case OperatorKind::kGroupedMatMul:
        return matmul(op, p);
      case OperatorKind::kAdd:
        return add(op, p);
      case OperatorKind::kRope:
        return rope(op, p);
      case OperatorKind::kScores:
        return scores(op, p);
      case OperatorKind::kRowMax:
        return row_max(op, p);
      case OperatorKind::kExp:
        return exp(op, p);
      case OperatorKind::kRowSum:
        return row_sum(op, p);
      case OperatorKind::kMix:
        return mix(op, p);
      case OperatorKind::kActivation:
        return activation(op, p);
      case OperatorKind::kMultiply:
        return multiply(op, p);
      case OperatorKind::kBlockMax:
        return block_max(op, p);
      case OperatorKind::kArgmax:
        return argmax(op, p);
    }
    IMO_CHECK(false, "no such operator");
  }

  Row embed(const Operator& op, std::size_t from) const {
    const auto& tensor = program_.tensors[op.tensor];
    Row row;
    for (const std::int8_t w : tensor.row(from)) {
      row.push_back(rounded(Wide{w} * tensor.multipliers[from], op.shift, 31));
    }
    return row;
  }

  Row narrow(const Operator& op, std::size_t p) const {
    Row row;
    for (const std::int64_t x : in(op, 0, p)) row.push_back(rounded(x, op.shift, 19));
    return row;
  }

  Row sum_squares(const Operator& op, std::size_t p) const {
    Wide sum = op.constant;
    for (const std::int64_t u : in(op, 0, p)) sum += Wide{u} * u;
    return {static_cast<std::int64_t>(sum)};
  }

  Row reciprocal(const Operator& op, std::size_t p) const {
    Row row;
    for (const std::int64_t z : in(op, 0, p)) {
      row.push_back(static_cast<std::int64_t>((Wide{1} << op.constant) / z));
    }
    return row;
  }

  Row scale(const Operator& op, std::size_t p) const {
    const Row& x = in(op, 0, p);
    const Row& r = in(op, 1, p);
    Row row;
    for (std::size_t i = 0; i < x.size(); ++i) {
      row.push_back(rounded(Wide{x[i]} * r[i / (x.size() / r.size())], op.shift, 15));
    }
    return row;
  }

  // By division, where the definition has masks and shifts.
  static std::int64_t weight(const model::WeightTensor& tensor, std::size_t i, std::size_t j) {
    const std::size_t at = i * tensor.columns + j;
    if (!tensor.is_grouped()) return tensor.weights[at];
    const model::GroupedWeights& grouped = tensor.grouped;
    const std::uint8_t pair = grouped.bits[at / 32 * 16 + at % 16];
    const std::int64_t bits = at % 32 < 16 ? pair % 16 : pair / 16;
    const std::int64_t offset = grouped.offsets.empty() ? 0 : grouped.offsets[at / 32];
    return std::int64_t{grouped.scales[at / 32]} * (bits - 8) + offset;
  }

  Row gain(const Operator& op, std::size_t p) const {
    Row row;
    for (const std::int64_t x : in(op, 0, p)) {
      row.push_back(rounded(Wide{x} * program_.tables[op.table].narrow[row.size()], op.shift, 15));
    }
    return row;
  }

  Row matmul(const Operator& op, std::size_t p) const {
    const auto& tensor = program_.tensors[op.tensor];
    const Row& x = in(op, 0, p);
    Row row;
    for (std::size_t i = 0; i < tensor.rows; ++i) {
      Wide sum = tensor.biases.empty() ? 0 : tensor.biases[i];
      for (std::size_t j = 0; j < x.size(); ++j) {
        sum += Wide{x[j]} * weight(tensor, i, j);
      }
      row.push_back(rounded(sum * tensor.multipliers[i], op.shift, op.bits));
    }
    return row;
  }

  Row add(const Operator& op, std::size_t p) const {
    Row row;
    for (std::size_t i = 0; i < op.width; ++i) {
      row.push_back(clamped(Wide{in(op, 0, p)[i]} + in(op, 1, p)[i], 31));
    }
    return row;
  }

  Row rope(const Operator& op, std::size_t p) const {
    Row row = in(op, 0, p);
    const Row x = row;
    const std::size_t head = op.width / op.groups;
    const std::size_t pairs = op.rotated / 2;
    const auto table = program_.tables[op.table].narrow;
    for (std::size_t i = 0; i < x.size(); ++i) {
      const std::size_t within = i % head;
      if (within >= op.rotated) continue;
      const bool is_first = op.pairing == 0 ? within % 2 == 0 : within < pairs;
      // `within < rotated`, so there are pairs.
      const std::size_t pair = op.pairing == 0 ? within / 2 : within % pairs;  // NOLINT
      const std::size_t distance = op.pairing == 0 ? 1 : pairs;
      const std::size_t other = is_first ? i + distance : i - distance;
      const Wide c = table[(p * pairs + pair) * 2];
      const Wide s = table[(p * pairs + pair) * 2 + 1];
      row[i] = rounded(is_first ? x[i] * c - x[other] * s : x[other] * s + x[i] * c, 14, 15);
    }
    return row;
  }

  Row scores(const Operator& op, std::size_t p) const {
    const Row& q = in(op, 0, p);
    const std::size_t head = q.size() / op.groups;
    Row row;
    for (std::size_t h = 0; h < op.groups; ++h) {
      for (std::size_t t = 0; t <= p; ++t) {
        Wide sum = 0;
        for (std::size_t j = 0; j < head; ++j) {
          sum += Wide{q[h * head + j]} * in(op, 1, t)[kv_head(op, h) * head + j];
        }
        row.push_back(rounded(sum * op.multiplier, op.shift, 23));
      }
    }
    return row;
  }

  static std::size_t kv_head(const Operator& op, std::size_t head) {
    return head * op.kv_groups / op.groups;
  }

  Row row_max(const Operator& op, std::size_t p) const {
    const Row& z = in(op, 0, p);
    Row row;
    for (std::size_t h = 0; h < op.width; ++h) {
      std::int64_t best = z[h * (p + 1)];
      for (std::size_t t = 0; t <= p; ++t) best = std::max(best, z[h * (p + 1) + t]);
      row.push_back(best);
    }
    return row;
  }

  Row exp(const Operator& op, std::size_t p) const {
    const Row& z = in(op, 0, p);
    const auto table = program_.tables[op.table].wide;
    Row row;
    for (std::size_t i = 0; i < z.size(); ++i) {
      const std::int64_t below = in(op, 1, p)[i / (p + 1)] - z[i];
      row.push_back(table[static_cast<std::size_t>(std::min<std::int64_t>(below, 65535))]);
    }
    return row;
  }

  Row row_sum(const Operator& op, std::size_t p) const {
    const Row& e = in(op, 0, p);
    Row row(op.width);
    for (std::size_t i = 0; i < e.size(); ++i) row[i / (p + 1)] += e[i];
    return row;
  }

  Row mix(const Operator& op, std::size_t p) const {
    const Row& e = in(op, 0, p);
    const std::size_t head = op.width / op.groups;
    Row row;
    for (std::size_t i = 0; i < op.width; ++i) {
      const std::size_t h = i / head;
      Wide sum = 0;
      for (std::size_t t = 0; t <= p; ++t) {
        sum += Wide{e[h * (p + 1) + t]} * in(op, 1, t)[kv_head(op, h) * head + i % head];
      }
      row.push_back(static_cast<std::int64_t>(sum));
    }
    return row;
  }

  Row activation(const Operator& op, std::size_t p) const {
    Row row;
    for (const std::int64_t x : in(op, 0, p)) {
      row.push_back(program_.tables[op.table].narrow[static_cast<std::size_t>(x + 32768)]);
    }
    return row;
  }

  Row multiply(const Operator& op, std::size_t p) const {
    Row row;
    for (std::size_t i = 0; i < op.width; ++i) {
      row.push_back(rounded(Wide{in(op, 0, p)[i]} * in(op, 1, p)[i], op.shift, 15));
    }
    return row;
  }

  Row block_max(const Operator& op, std::size_t p) const {
    const Row& logits = in(op, 0, p);
    Row row;
    for (std::size_t start = 0; start < logits.size(); start += 256) {
      const auto first = logits.begin() + static_cast<std::ptrdiff_t>(start);
      const auto last =
          logits.begin() + static_cast<std::ptrdiff_t>(std::min(logits.size(), start + 256));
      const auto best = std::max_element(first, last);  // the first of equals
      row.push_back(*best);
      row.push_back(best - logits.begin());
    }
    return row;
  }

  Row argmax(const Operator&, std::size_t p) const {
    const Row& logits = rows_[program_.logits_operator()][p];
    return {std::max_element(logits.begin(), logits.end()) - logits.begin()};
  }

  const Program& program_;
  std::span<const model::TokenId> tokens_;
  PlainRows rows_;
};

}  // namespace

PlainRows plain_run(const Program& program, std::span<const model::TokenId> tokens) {
  return PlainRun(program, tokens).run();
}

}  // namespace imo::engine::testing
