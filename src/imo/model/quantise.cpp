#include "imo/model/quantise.hpp"

#include "imo/base/check.hpp"

#include <algorithm>
#include <cmath>

#include <fmt/format.h>

namespace imo::model {
namespace {

double round_half_up(double x) {
  return std::floor(x + 0.5);
}

// The steps are tried from 127 levels down, half a level at a time.
constexpr int kTries = 31;
constexpr double kTryStep = 0.5;

double quantise(double value, double scale) {
  return std::clamp(round_half_up(value / scale), -double{kWeightMax}, double{kWeightMax});
}

// sum of power[j] * (row[j] - q[j] scale)^2
double row_error(std::span<const double> row, std::span<const double> power, double scale) {
  double error = 0;
  for (std::size_t j = 0; j < row.size(); ++j) {
    const double off = row[j] - quantise(row[j], scale) * scale;
    error += (power.empty() ? 1.0 : power[j]) * off * off;
  }
  return error;
}

double best_scale(std::span<const double> row, std::span<const double> power) {
  double largest = 0;
  for (const double value : row) largest = std::max(largest, std::fabs(value));
  if (largest == 0) return 0;
  double best = largest / kWeightMax;
  double least = row_error(row, power, best);
  for (int i = 1; i < kTries; ++i) {
    const double scale = largest / (kWeightMax - kTryStep * i);
    const double error = row_error(row, power, scale);
    if (error >= least) continue;
    least = error;
    best = scale;
  }
  return best;
}

}  // namespace

int fraction_for(double largest, unsigned bits, unsigned headroom) {
  int exponent = -40;
  if (largest > 0) std::frexp(largest, &exponent);  // largest < 2^exponent
  return std::clamp(static_cast<int>(bits) - static_cast<int>(headroom) - exponent, -40, 40);
}

QuantisedMatrix quantise_rows(std::span<const float> values, std::uint32_t rows,
                              std::uint32_t columns, const Columns& about) {
  const auto fits = [&](std::size_t size) { return size == 0 || size == columns; };
  IMO_CHECK(values.size() == std::size_t{rows} * columns, "matrix and shape do not fit");
  IMO_CHECK(fits(about.gains.size()) && fits(about.power.size()), "columns do not fit");
  QuantisedMatrix result{rows, columns, std::vector<std::int8_t>(values.size()),
                         std::vector<double>(rows), 0};
  std::vector<double> row(columns);
  double error = 0;
  double norm = 0;
  for (std::size_t i = 0; i < rows; ++i) {
    for (std::size_t j = 0; j < columns; ++j) {
      row[j] = values[i * columns + j] * (about.gains.empty() ? 1.0 : double{about.gains[j]});
      norm += row[j] * row[j];
    }
    const double scale = best_scale(row, about.power);
    result.scales[i] = scale;
    if (scale == 0) continue;
    for (std::size_t j = 0; j < columns; ++j) {
      result.weights[i * columns + j] = static_cast<std::int8_t>(quantise(row[j], scale));
    }
    error += row_error(row, {}, scale);
  }
  result.relative_error = norm == 0 ? 0 : std::sqrt(error / norm);
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
