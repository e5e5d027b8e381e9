#include "imo/zkml/circuit_builder.hpp"

#include "imo/base/check.hpp"

#include <bit>
#include <utility>

#include <fmt/format.h>

namespace imo::zkml {
namespace {

Fp3 limb_scale(std::size_t limb) {
  IMO_CHECK(limb < 64 / kLimbBits, "a number of at most 64 bits");
  return Fp3(std::uint64_t{1} << (kLimbBits * limb));
}

}  // namespace

Coordinates& Coordinates::fixed(std::span<const Fp3> point) {
  for (const Fp3& value : point) list_.push_back({Coordinate::kFixed, value});
  return *this;
}

Coordinates& Coordinates::bits(std::uint64_t index, unsigned count) {
  for (unsigned j = 0; j < count; ++j) {
    list_.push_back({Coordinate::kFixed, Fp3(index >> j & 1)});
  }
  return *this;
}

Coordinates& Coordinates::variables(unsigned first, unsigned count) {
  for (unsigned j = 0; j < count; ++j) list_.push_back({first + j, {}});
  return *this;
}

std::span<const Fp3> PointReader::take(unsigned bits) {
  const std::span<const Fp3> taken = rest_.first(bits);
  rest_ = rest_.subspan(bits);
  return taken;
}

LinearForm form_of(ColumnId column, std::vector<Coordinate> coordinates) {
  return {{{column, Fp3(1)}}, std::move(coordinates), {}};
}

LinearForm form_of(const Limbs& limbs, std::vector<Coordinate> coordinates) {
  LinearForm form{{}, std::move(coordinates), {}};
  for (std::size_t i = 0; i < limbs.columns.size(); ++i) {
    form.parts.push_back({limbs.columns[i], limb_scale(i)});
  }
  return form;
}

void add_direct(Sum& sum, ColumnId column, std::span<const Fp3> point, const Fp3& scale) {
  sum.direct.push_back({column, {point.begin(), point.end()}, scale});
}

void add_direct(Sum& sum, const Limbs& limbs, std::span<const Fp3> point, const Fp3& scale) {
  for (std::size_t i = 0; i < limbs.columns.size(); ++i) {
    add_direct(sum, limbs.columns[i], point, scale * limb_scale(i));
  }
}

ColumnId CircuitBuilder::column(Column column) {
  circuit_.columns.push_back(std::move(column));
  return static_cast<ColumnId>(circuit_.columns.size() - 1);
}

ColumnId CircuitBuilder::witness(std::string name, const Box& box) {
  Column column{std::move(name), Source::kWitness, box.variables()};
  if (box.is_layered) {
    // As few blocks as there can be: a block has as many layers as a power of two that divides
    // them.
    const Box::Axis& layers = box.axes.back();
    const auto bits = static_cast<unsigned>(std::countr_zero(layers.bound));
    column.block_bits = layers.bits - bits;
    column.blocks = static_cast<std::uint32_t>(layers.bound >> bits);
  }
  return this->column(std::move(column));
}

ColumnId CircuitBuilder::registered(std::string name, unsigned variables) {
  return column({std::move(name), Source::kRegistered, variables});
}

ColumnId CircuitBuilder::registered(std::string name, unsigned variables, const Box::Axis& layers) {
  return column({std::move(name), Source::kRegistered, variables + layers.bits, layers.bits,
                 static_cast<std::uint32_t>(layers.bound)});
}

ColumnId CircuitBuilder::counts_of(const std::string& name, unsigned variables) {
  return column({"counts of " + name, Source::kWitness, variables});
}

std::uint32_t CircuitBuilder::range(unsigned bits) {
  IMO_CHECK(bits >= 1 && bits <= kLimbBits, "a limb has 1 to 16 bits");
  const auto known = tables_.find(bits);
  if (known != tables_.end()) return known->second;
  const std::string name = fmt::format("{} bits", bits);
  const auto index = static_cast<std::uint32_t>(circuit_.tables.size());
  circuit_.tables.push_back({name, bits, bits, Table::Inputs::kIndex, {}, counts_of(name, bits)});
  return tables_[bits] = index;
}

void CircuitBuilder::look_up_limb(const std::string& name, Operand operand, const Box& box,
                                  unsigned bits, bool is_signed) {
  const std::int64_t offset = is_signed ? std::int64_t{1} << (bits - 1) : 0;
  circuit_.lookups.push_back({name, range(bits), operand, offset, {}, box});
}

Limbs CircuitBuilder::limbs(const std::string& name, const Box& box, unsigned bits,
                            bool is_signed) {
  Limbs limbs{{}, bits, is_signed};
  for (unsigned from = 0; from < bits; from += kLimbBits) {
    const unsigned width = std::min(kLimbBits, bits - from);
    limbs.columns.push_back(witness(name, box));
    look_up_limb(name, {false, limbs.columns.back()}, box, width,
                 is_signed && from + width == bits);
  }
  return limbs;
}

Remainder CircuitBuilder::remainder(const std::string& name, const Box& box, unsigned bits,
                                    SumAtPoint value) {
  Remainder remainder{static_cast<VirtualId>(circuit_.virtuals.size()), {}, bits};
  look_up_limb(name, {true, remainder.low}, box, std::min(kLimbBits, bits), false);
  for (unsigned from = kLimbBits; from < bits; from += kLimbBits) {
    remainder.high.push_back(witness(name, box));
    look_up_limb(name, {false, remainder.high.back()}, box, std::min(kLimbBits, bits - from),
                 false);
  }
  circuit_.virtuals.push_back(
      {name, box.variables(),
       [value = std::move(value), high = remainder.high](std::span<const Fp3> point) {
         Sum sum = value(point);
         for (std::size_t i = 0; i < high.size(); ++i) {
           add_direct(sum, high[i], point, -limb_scale(i + 1));
         }
         return sum;
       }});
  return remainder;
}

ColumnId CircuitBuilder::activation(const std::string& name, const Box& box) {
  const auto known = tables_.find(kSignedTag);
  std::uint32_t index = static_cast<std::uint32_t>(circuit_.tables.size());
  if (known != tables_.end()) {
    index = known->second;
  } else {
    tables_[kSignedTag] = index;
    circuit_.tables.push_back({"int16",
                               kSignedTag,
                               kLimbBits,
                               Table::Inputs::kSigned,
                               {},
                               counts_of("int16", kLimbBits)});
  }
  const ColumnId id = witness(name, box);
  circuit_.lookups.push_back({name, index, {false, id}, 0, {}, box});
  return id;
}

std::uint32_t CircuitBuilder::table(std::string name, std::uint32_t tag, unsigned variables,
                                    Table::Inputs inputs, ColumnId outs) {
  IMO_CHECK(tag >= kFirstTag && !tables_.contains(tag), "a tag of its own");
  const auto index = static_cast<std::uint32_t>(circuit_.tables.size());
  tables_[tag] = index;
  const ColumnId counts = counts_of(name, variables);
  circuit_.tables.push_back({std::move(name), tag, variables, inputs, outs, counts});
  return index;
}

void CircuitBuilder::lookup(std::string name, std::uint32_t table, ColumnId input, ColumnId output,
                            const Box& box) {
  circuit_.lookups.push_back(
      {std::move(name), table, {false, input}, 0, Operand{false, output}, box});
}

void CircuitBuilder::check(std::string name, unsigned variables, SumAtPoint value) {
  circuit_.checks.push_back({std::move(name), variables, std::move(value)});
}

Circuit CircuitBuilder::finish() && {
  place_columns(circuit_);
  return std::move(circuit_);
}

}  // namespace imo::zkml
