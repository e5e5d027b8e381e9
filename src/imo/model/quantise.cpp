#include "imo/model/quantise.hpp"

#include "imo/base/check.hpp"
#include "imo/base/thread_pool.hpp"

#include <algorithm>
#include <array>
#include <cmath>
#include <cstring>

#include <fmt/format.h>

namespace imo::model {
namespace {

double round_half_up(double x) {
  return std::floor(x + 0.5);
}

// The steps are tried from 127 levels down, half a level at a time.
constexpr std::size_t kTries = 31;
constexpr double kTryStep = 0.5;

double quantise(double value, double scale) {
  return std::clamp(round_half_up(value / scale), -double{kWeightMax}, double{kWeightMax});
}

// sum of weights[j] * (row[j] - q[j] scale)^2
double row_error(std::span<const double> row, std::span<const double> weights, double scale) {
  double error = 0;
  for (std::size_t j = 0; j < row.size(); ++j) {
    const double off = row[j] - quantise(row[j], scale) * scale;
    error += weights[j] * off * off;
  }
  return error;
}

// Four scales at once, as two pairs, which every machine has registers for: each lane does what
// row_error does, in its order, to the last bit.
using Pair = double __attribute__((vector_size(16)));
constexpr std::size_t kLanes = 4;

// Adding this leaves no place for a fraction, so the sum is rounded to a whole number.
constexpr double kWhole = 0x1.8p52;

void row_errors(std::span<const double> row, std::span<const double> weights, const double* scales,
                double* errors) {
  std::array<Pair, 2> scale;
  std::array<Pair, 2> error{};
  std::memcpy(scale.data(), scales, sizeof scale);
  const Pair most = Pair{} + double{kWeightMax};
  for (std::size_t j = 0; j < row.size(); ++j) {
    for (std::size_t k = 0; k < scale.size(); ++k) {
      const Pair raised = row[j] / scale[k] + 0.5;
      const Pair whole = (raised + kWhole) - kWhole;
      const Pair rounded = whole > raised ? whole - 1.0 : whole;
      const Pair above = rounded > most ? most : rounded;
      const Pair clamped = above < -most ? -most : above;
      const Pair off = row[j] - clamped * scale[k];
      error[k] += weights[j] * off * off;
    }
  }
  std::memcpy(errors, error.data(), sizeof error);
}

// `weights` as the columns' power, or ones.
double best_scale(std::span<const double> row, std::span<const double> weights) {
  double largest = 0;
  for (const double value : row) largest = std::max(largest, std::fabs(value));
  if (largest == 0) return 0;
  std::array<double, (kTries + kLanes - 1) / kLanes * kLanes> scales;
  for (std::size_t i = 0; i < scales.size(); ++i) {
    scales[i] = largest / (kWeightMax - kTryStep * static_cast<double>(std::min(i, kTries - 1)));
  }
  std::array<double, scales.size()> errors;
  for (std::size_t i = 0; i < scales.size(); i += kLanes) {
    row_errors(row, weights, scales.data() + i, errors.data() + i);
  }
  // Of equal errors the one of the most levels, which comes first.
  return scales[static_cast<std::size_t>(std::min_element(errors.begin(), errors.begin() + kTries) -
                                         errors.begin())];
}

/// Squared lengths: of what rounding took from a row, and of the row.
struct RowLoss {
  double error = 0;
  double norm = 0;
};

RowLoss quantise_row(std::span<const double> row, std::span<const double> ones, double scale,
                     std::span<std::int8_t> to) {
  RowLoss loss;
  for (const double value : row) loss.norm += value * value;
  if (scale == 0) return loss;
  for (std::size_t j = 0; j < row.size(); ++j) {
    to[j] = static_cast<std::int8_t>(quantise(row[j], scale));
  }
  loss.error = row_error(row, ones, scale);
  return loss;
}

}  // namespace

int fraction_for(double largest, unsigned bits, unsigned headroom) {
  int exponent = -40;
  if (largest > 0) std::frexp(largest, &exponent);  // largest < 2^exponent
  return std::clamp(static_cast<int>(bits) - static_cast<int>(headroom) - exponent, -40, 40);
}

QuantisedMatrix quantise_rows(const ReadRow& read, std::uint32_t rows, std::uint32_t columns,
                              const Columns& about, ThreadPool* pool) {
  const auto fits = [&](std::size_t size) { return size == 0 || size == columns; };
  IMO_CHECK(fits(about.gains.size()) && fits(about.power.size()), "columns do not fit");
  QuantisedMatrix result{rows, columns, std::vector<std::int8_t>(std::size_t{rows} * columns),
                         std::vector<double>(rows), 0};
  std::vector<RowLoss> losses(rows);
  const std::vector<double> ones(columns, 1.0);
  const std::span<const double> weights = about.power.empty() ? ones : about.power;
  split_loop(pool, rows, [&](std::size_t begin, std::size_t end) {
    std::vector<float> scratch(columns);
    std::vector<double> row(columns);
    for (std::size_t i = begin; i < end; ++i) {
      const auto values = read(static_cast<std::uint32_t>(i), scratch);
      for (std::size_t j = 0; j < columns; ++j) {
        row[j] = values[j] * (about.gains.empty() ? 1.0 : double{about.gains[j]});
      }
      const auto to = std::span(result.weights).subspan(i * columns, columns);
      result.scales[i] = best_scale(row, weights);
      losses[i] = quantise_row(row, ones, result.scales[i], to);
    }
  });
  RowLoss all;
  for (const RowLoss& loss : losses) {
    all.error += loss.error;
    all.norm += loss.norm;
  }
  result.relative_error = all.norm == 0 ? 0 : std::sqrt(all.error / all.norm);
  return result;
}

Result<Multipliers> make_multipliers(std::span<const double> factors, unsigned bits,
                                     std::string_view what) {
  const double largest = factors.empty() ? 0 : *std::max_element(factors.begin(), factors.end());
  int exponent = 0;
  if (largest > 0) std::frexp(largest, &exponent);  // largest * 2^-exponent is in [1/2, 1)
  const int shift = static_cast<int>(bits) - exponent;
  if (!std::isfinite(largest) || shift < 1 || shift > static_cast<int>(kMaxShift)) {
    return invalid(
        fmt::format("{}: a factor of {} would need a shift of {}; only 1 to {} can be expressed",
                    what, largest, shift, kMaxShift));
  }
  const double limit = std::ldexp(1.0, static_cast<int>(bits)) - 1;
  Multipliers result{{}, static_cast<std::uint8_t>(shift)};
  for (const double factor : factors) {
    const double multiplier = std::min(limit, round_half_up(std::ldexp(factor, shift)));
    result.values.push_back(static_cast<std::uint32_t>(multiplier));
  }
  return result;
}

}  // namespace imo::model
