/// Puts circuits together from numbers in ranges, remainders and tables.
#pragma once

#include "imo/zkml/circuit.hpp"

#include <map>
#include <string>
#include <vector>

namespace imo::zkml {

/// Bits of a limb; range tables are no larger.
inline constexpr unsigned kLimbBits = 16;

/// A number of a known width in columns of 16 bits, the lowest first. The highest limb has the
/// sign.
struct Limbs {
  std::vector<ColumnId> columns;
  unsigned bits = 0;  ///< with the sign
  bool is_signed = false;
};

/// The same of a number that is a sum of products: its lowest limb is virtual, what is left of the
/// number when the others are taken away. Never signed.
struct Remainder {
  VirtualId low = 0;
  std::vector<ColumnId> high;
  unsigned bits = 0;
};

using SumAtPoint = std::function<Sum(std::span<const Fp3> point)>;

/// Coordinates of a column within a term, from the lowest.
class Coordinates {
 public:
  Coordinates& fixed(std::span<const Fp3> point);
  Coordinates& bits(std::uint64_t index, unsigned count);
  /// Variables first .. first + count - 1 of the term.
  Coordinates& variables(unsigned first, unsigned count);

  operator std::vector<Coordinate>() const { return list_; }  // NOLINT: it builds nothing else

 private:
  std::vector<Coordinate> list_;
};

/// Cuts a point into the coordinates of axes, from the lowest.
class PointReader {
 public:
  explicit PointReader(std::span<const Fp3> point) : rest_(point) {}
  std::span<const Fp3> take(unsigned bits);

 private:
  std::span<const Fp3> rest_;
};

/// One column.
LinearForm form_of(ColumnId column, std::vector<Coordinate> coordinates);
/// The number that limbs make up.
LinearForm form_of(const Limbs& limbs, std::vector<Coordinate> coordinates);
/// sum += scale * the value at the point.
void add_direct(Sum& sum, ColumnId column, std::span<const Fp3> point, const Fp3& scale);
void add_direct(Sum& sum, const Limbs& limbs, std::span<const Fp3> point, const Fp3& scale);

class CircuitBuilder {
 public:
  ColumnId witness(std::string name, const Box& box);
  ColumnId registered(std::string name, unsigned variables);
  /// Of 2^variables elements for each layer.
  ColumnId registered(std::string name, unsigned variables, const Box::Axis& layers);

  /// A committed number of `bits` bits, 1 to 64, in every cell of the box.
  Limbs limbs(const std::string& name, const Box& box, unsigned bits, bool is_signed = false);
  /// A number that `value` gives; it is in [0, 2^bits) in every cell of the box.
  Remainder remainder(const std::string& name, const Box& box, unsigned bits, SumAtPoint value);
  /// A committed int16 that is not -32768.
  ColumnId activation(const std::string& name, const Box& box);

  /// A table with outputs; gives its index. Tags of callers start at kFirstTag.
  static constexpr std::uint32_t kFirstTag = 32;
  std::uint32_t table(std::string name, std::uint32_t tag, unsigned variables, Table::Inputs inputs,
                      ColumnId outs);
  void lookup(std::string name, std::uint32_t table, ColumnId input, ColumnId output,
              const Box& box);
  void check(std::string name, unsigned variables, SumAtPoint value);

  /// The circuit, its columns placed.
  Circuit finish() &&;

 private:
  static constexpr std::uint32_t kSignedTag = 31;

  ColumnId column(Column column);
  ColumnId counts_of(const std::string& name, unsigned variables);
  /// The table [0, 2^bits), bits at most kLimbBits; its tag is its bits.
  std::uint32_t range(unsigned bits);
  void look_up_limb(const std::string& name, Operand operand, const Box& box, unsigned bits,
                    bool is_signed);

  Circuit circuit_;
  std::map<std::uint32_t, std::uint32_t> tables_;  ///< by tag
};

}  // namespace imo::zkml
