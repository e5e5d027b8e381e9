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

struct RowError {
  double squared = 0;
  double norm = 0;
};

RowError quantise_row(std::span<const double> values, double scale, std::span<std::int8_t> out) {
  RowError error;
  for (std::size_t j = 0; j < values.size(); ++j) {
    const double steps = scale == 0 ? 0 : round_half_up(values[j] / scale);
    const double q = std::clamp(steps, -double{kWeightMax}, double{kWeightMax});
    out[j] = static_cast<std::int8_t>(q);
    const double off = values[j] - q * scale;
    error.squared += off * off;
    error.norm += values[j] * values[j];
  }
  return error;
}

}  // namespace

int fraction_for(double largest, unsigned bits, unsigned headroom) {
  int exponent = -40;
  if (largest > 0) std::frexp(largest, &exponent);  // largest < 2^exponent
  return std::clamp(static_cast<int>(bits) - static_cast<int>(headroom) - exponent, -40, 40);
}

QuantisedMatrix quantise_rows(std::span<const float> values, std::uint32_t rows,
                              std::uint32_t columns, std::span<const float> gains) {
  IMO_CHECK(values.size() == std::size_t{rows} * columns, "matrix and shape do not fit");
  IMO_CHECK(gains.empty() || gains.size() == columns, "gains and columns do not fit");
  QuantisedMatrix result{rows, columns, std::vector<std::int8_t>(values.size()),
                         std::vector<double>(rows), 0};
  std::vector<double> row(columns);
  RowError total;
  for (std::size_t i = 0; i < rows; ++i) {
    double largest = 0;
    for (std::size_t j = 0; j < columns; ++j) {
      row[j] = values[i * columns + j] * (gains.empty() ? 1.0 : double{gains[j]});
      largest = std::max(largest, std::fabs(row[j]));
    }
    result.scales[i] = largest / kWeightMax;
    const RowError error = quantise_row(row, result.scales[i],
                                        std::span(result.weights).subspan(i * columns, columns));
    total.squared += error.squared;
    total.norm += error.norm;
  }
  result.relative_error = total.norm == 0 ? 0 : std::sqrt(total.squared / total.norm);
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
