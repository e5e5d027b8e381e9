/// exp, log, sine and cosine that give the same bits on every machine.
///
/// The C library's differ in their last bit between versions and processors, and a compiled
/// program's root must not. These use only the operations that IEEE 754 rounds correctly
/// (+, -, *, /) in a fixed order, and fmod-free reductions; errors stay under 2^-50 relative.
#pragma once

namespace imo::model {

/// e^x; 0 below -745 and infinity above 709.
double portable_exp(double x);

/// The natural logarithm of x > 0.
double portable_log(double x);

/// base^exponent for base > 0.
double portable_pow(double base, double exponent);

struct SineCosine {
  double sine;
  double cosine;
};

/// Of an angle in radians, |angle| < 2^20.
SineCosine portable_sincos(double angle);

}  // namespace imo::model
