#include "imo/model/quantise_groups.hpp"

#include "imo/base/check.hpp"
#include "imo/base/thread_pool.hpp"

#include <algorithm>
#include <array>
#include <cmath>

namespace imo::model {
namespace {

constexpr std::size_t kGroup = kGroupColumns;
constexpr std::size_t kHalf = kGroup / 2;

// Sums of a row stay under 32767 times this, with a sixteenth left to its bias.
constexpr double kMostNorm = static_cast<double>(kAccumulatorMax) / kActivationMax * 15 / 16;

double round_half_up(double x) {
  return std::floor(x + 0.5);
}

double bits_of(double value, double scale) {
  return std::clamp(round_half_up(value / scale) + 8, 0.0, 15.0);
}

unsigned bits_at(std::span<const std::uint8_t> bits, std::size_t j) {
  return j < kHalf ? bits[j] & 15U : bits[j - kHalf] >> 4U;
}

void set_bits(std::span<std::uint8_t> bits, std::size_t j, unsigned value) {
  std::uint8_t& pair = bits[j % kHalf];
  pair = static_cast<std::uint8_t>(j < kHalf ? (pair & 0xF0U) | value : (pair & 15U) | value << 4U);
}

// The number of the greatest magnitude becomes -8 steps, or up to a step and a half more or less.
double best_scale(std::span<const double> group, std::span<const double> weights) {
  double extreme = 0;
  for (const double value : group) {
    if (std::fabs(value) > std::fabs(extreme)) extreme = value;
  }
  if (extreme == 0) return 0;
  constexpr int kTries = 13;
  double best = 0;
  double least = -1;
  for (int i = 0; i < kTries; ++i) {
    // 8, 8.25, 7.75, 8.5, …: of equal errors the nearest to 8 is taken.
    const double steps = 8 + 0.25 * (i % 2 == 0 ? -i / 2 : (i + 1) / 2);
    const double scale = -extreme / steps;
    double error = 0;
    for (std::size_t j = 0; j < group.size(); ++j) {
      const double off = group[j] - (bits_of(group[j], scale) - 8) * scale;
      error += weights[j] * off * off;
    }
    if (least < 0 || error < least) {
      least = error;
      best = scale;
    }
  }
  return best;
}

/// A row to be rounded: groups of which only the scales are known, and what the bits are to stand
/// for; or groups as a file has them.
struct SourceRow {
  std::span<const SourceGroup> groups;
  std::span<const double> values;
  bool has_bits = false;
};

/// Where it goes.
struct RowOf {
  std::span<std::uint8_t> bits;
  std::span<std::int8_t> scales;
  std::span<std::int16_t> offsets;  ///< empty when there are none
};

// The least unit in which every scale and every weight keeps its range.
double least_unit(std::span<const SourceGroup> groups) {
  // An end of a group moves by 4.5 units at most when its scale and its offset are rounded.
  constexpr double kMostWeight = kGroupedWeightMax - 5;
  double unit = 0;
  for (const SourceGroup& group : groups) {
    unit = std::max(unit, std::fabs(group.scale) / kGroupScaleMax);
    if (group.offset == 0) continue;
    const double low = std::fabs(group.offset - 8 * group.scale);
    const double high = std::fabs(group.offset + 7 * group.scale);
    unit = std::max(unit, std::max(low, high) / kMostWeight);
  }
  return unit;
}

// Writes the row in this unit; the sum of its weights' magnitudes.
std::int64_t write_row(const SourceRow& row, double unit, const RowOf& to) {
  std::int64_t norm = 0;
  for (std::size_t k = 0; k < row.groups.size(); ++k) {
    const SourceGroup& group = row.groups[k];
    const double scale = unit == 0 ? 0 : round_half_up(group.scale / unit);
    const double offset = unit == 0 ? 0 : round_half_up(group.offset / unit);
    to.scales[k] = static_cast<std::int8_t>(scale);
    if (!to.offsets.empty()) to.offsets[k] = static_cast<std::int16_t>(offset);
    const auto bits = to.bits.subspan(k * kHalf, kHalf);
    for (std::size_t j = 0; j < kGroup; ++j) {
      unsigned value = 8;
      if (row.has_bits) {
        value = bits_at(group.bits, j);
      } else if (scale != 0) {
        value = static_cast<unsigned>(bits_of(row.values[k * kGroup + j], scale * unit));
      }
      set_bits(bits, j, value);
      norm += std::abs(grouped_weight(value, static_cast<std::int32_t>(scale),
                                      static_cast<std::int32_t>(offset)));
    }
  }
  return norm;
}

// Writes the row and gives its unit: a greater one than its groups ask for where its sums, which
// grow with the length, would leave their range.
double settle(const SourceRow& row, const RowOf& to) {
  double unit = least_unit(row.groups);
  for (;;) {
    const auto norm = static_cast<double>(write_row(row, unit, to));
    if (norm <= kMostNorm) return unit;
    unit *= 1.01 * norm / kMostNorm;
  }
}

/// Squared lengths: of what rounding took from a row, and of the row.
struct RowLoss {
  double error = 0;
  double norm = 0;
};

RowLoss loss_of(std::span<const double> values, double unit, const RowOf& row) {
  RowLoss loss;
  for (std::size_t j = 0; j < values.size(); ++j) {
    const std::size_t k = j / kGroup;
    const auto bits = row.bits.subspan(k * kHalf, kHalf);
    const std::int32_t offset = row.offsets.empty() ? 0 : row.offsets[k];
    const double off =
        values[j] - unit * grouped_weight(bits_at(bits, j % kGroup), row.scales[k], offset);
    loss.error += off * off;
    loss.norm += values[j] * values[j];
  }
  return loss;
}

/// Room for the rows of a matrix.
class Rows {
 public:
  Rows(std::uint32_t rows, std::uint32_t columns, bool has_offsets) : losses_(rows) {
    IMO_CHECK(columns % kGroup == 0, "rows of whole groups");
    const std::size_t groups = std::size_t{rows} * columns / kGroup;
    made_ = {rows,
             columns,
             std::vector<std::uint8_t>(groups * kHalf),
             std::vector<std::int8_t>(groups),
             {},
             std::vector<double>(rows),
             0};
    if (has_offsets) made_.offsets.resize(groups);
  }

  void write(std::size_t index, const SourceRow& row) {
    const std::size_t groups = row.groups.size();
    const RowOf to{std::span(made_.bits).subspan(index * groups * kHalf, groups * kHalf),
                   std::span(made_.scales).subspan(index * groups, groups),
                   made_.offsets.empty()
                       ? std::span<std::int16_t>()
                       : std::span(made_.offsets).subspan(index * groups, groups)};
    made_.row_scales[index] = settle(row, to);
    losses_[index] = loss_of(row.values, made_.row_scales[index], to);
  }

  GroupedMatrix finish() {
    RowLoss all;
    for (const RowLoss& loss : losses_) {
      all.error += loss.error;
      all.norm += loss.norm;
    }
    made_.relative_error = all.norm == 0 ? 0 : std::sqrt(all.error / all.norm);
    return std::move(made_);
  }

 private:
  GroupedMatrix made_;
  std::vector<RowLoss> losses_;
};

}  // namespace

GroupedMatrix quantise_groups(const ReadRow& read, std::uint32_t rows, std::uint32_t columns,
                              std::span<const double> power, ThreadPool* pool) {
  IMO_CHECK(power.empty() || power.size() == columns, "columns do not fit");
  const std::vector<double> ones(columns, 1.0);
  const std::span<const double> weights = power.empty() ? ones : power;
  Rows made(rows, columns, false);
  split_loop(pool, rows, [&](std::size_t begin, std::size_t end) {
    std::vector<float> scratch(columns);
    std::vector<double> values(columns);
    std::vector<SourceGroup> groups(columns / kGroup);
    for (std::size_t i = begin; i < end; ++i) {
      const auto row = read(static_cast<std::uint32_t>(i), scratch);
      std::copy(row.begin(), row.end(), values.begin());
      for (std::size_t k = 0; k < groups.size(); ++k) {
        groups[k].scale = best_scale(std::span(values).subspan(k * kGroup, kGroup),
                                     weights.subspan(k * kGroup, kGroup));
      }
      made.write(i, {groups, values, false});
    }
  });
  return made.finish();
}

GroupedMatrix import_groups(const SourceTensor& source, ThreadPool* pool) {
  const auto rows = static_cast<std::uint32_t>(source.rows());
  const auto columns = static_cast<std::uint32_t>(source.columns());
  Rows made(rows, columns, source.type == TensorType::kQ4_K);
  split_loop(pool, rows, [&](std::size_t begin, std::size_t end) {
    std::vector<double> values(columns);
    std::vector<SourceGroup> groups(columns / kGroup);
    for (std::size_t i = begin; i < end; ++i) {
      read_groups(source.type, source.row(i), groups);
      for (std::size_t j = 0; j < values.size(); ++j) {
        const SourceGroup& group = groups[j / kGroup];
        const auto bits = static_cast<double>(bits_at(group.bits, j % kGroup));
        values[j] = group.scale * (bits - 8) + group.offset;
      }
      made.write(i, {groups, values, true});
    }
  });
  return made.finish();
}

}  // namespace imo::model
