#include "imo/model/portable_math.hpp"

#include <cmath>
#include <limits>

namespace imo::model {
namespace {

// The leading part of each constant ends in zero bits, so that a small integer times it is exact
// and x - k * (high + middle + low) loses nothing (Cody and Waite).
constexpr double kLn2High = 0x1.62e42fee00000p-1;
constexpr double kLn2Low = 0x1.a39ef35793c76p-33;
constexpr double kHalfPiHigh = 0x1.921fb54400000p+0;
constexpr double kHalfPiMiddle = 0x1.0b4611a600000p-34;
constexpr double kHalfPiLow = 0x1.3198a2e037073p-69;

double round_half_up(double x) {
  return std::floor(x + 0.5);
}

// sum of (-1)^k r^(2k) / (2k + first)! * first-term, by Horner from the last term; |r| <= pi/4.
double alternating_series(double first, double r2, int offset) {
  double sum = 1.0;
  for (int k = 10; k >= 1; --k) {
    sum = 1.0 - sum * r2 / ((2.0 * k + offset) * (2.0 * k + offset - 1.0));
  }
  return first * sum;
}

}  // namespace

double portable_exp(double x) {
  if (x < -745.0) return 0.0;
  if (x > 709.0) return std::numeric_limits<double>::infinity();
  const double k = round_half_up(x * (1.0 / (kLn2High + kLn2Low)));
  const double r = (x - k * kLn2High) - k * kLn2Low;
  double sum = 1.0;
  for (int n = 16; n >= 1; --n) sum = 1.0 + sum * r / n;
  return std::ldexp(sum, static_cast<int>(k));
}

double portable_log(double x) {
  int exponent = 0;
  double mantissa = std::frexp(x, &exponent);
  if (mantissa < 0.70710678118654752) {
    mantissa *= 2.0;
    --exponent;
  }
  // ln m = 2 artanh((m - 1) / (m + 1)); the argument is at most 0.172, so 2^-53 by its 21st power.
  const double s = (mantissa - 1.0) / (mantissa + 1.0);
  const double s2 = s * s;
  double sum = 0.0;
  for (int n = 27; n >= 1; n -= 2) sum = 1.0 / n + s2 * sum;
  return exponent * kLn2High + (exponent * kLn2Low + 2.0 * s * sum);
}

double portable_pow(double base, double exponent) {
  return portable_exp(exponent * portable_log(base));
}

SineCosine portable_sincos(double angle) {
  const double k = round_half_up(angle * (1.0 / (kHalfPiHigh + kHalfPiMiddle)));
  const double r = ((angle - k * kHalfPiHigh) - k * kHalfPiMiddle) - k * kHalfPiLow;
  const double r2 = r * r;
  const double sine = alternating_series(r, r2, 1);
  const double cosine = alternating_series(1.0, r2, 0);
  const auto quadrant = static_cast<unsigned>(static_cast<long long>(k) & 3);
  switch (quadrant) {
    case 0:
      return {sine, cosine};
    case 1:
      return {cosine, -sine};
    case 2:
      return {-sine, -cosine};
    default:
      return {-cosine, sine};
  }
}

}  // namespace imo::model
