#include "imo/zkml/circuit.hpp"

#include "imo/base/check.hpp"

#include <algorithm>
#include <array>
#include <bit>
#include <utility>

#include <fmt/format.h>

namespace imo::zkml {
namespace {

/// WHIR's smallest vector.
constexpr unsigned kLeastVariables = WhirParameters::kMinVariables;

/// The rate with which a code of 2^variables elements is 2^log_length long, between two bounds: the
/// smaller a vector is, the less its prover pays for the queries that a longer code saves.
unsigned log_inverse_rate(unsigned variables, unsigned log_length, unsigned least, unsigned most) {
  return std::clamp(log_length - std::min(variables, log_length), least, most);
}

/// Sorts few items by size, equal ones in the order they have.
template <typename Item, typename Size>
void sort_largest_first(std::vector<Item>& items, Size&& size_of) {
  std::vector<std::pair<unsigned, std::size_t>> keys;
  for (std::size_t i = 0; i < items.size(); ++i) keys.emplace_back(~size_of(items[i]), i);
  std::ranges::sort(keys);
  std::vector<Item> sorted;
  for (const auto& [size, i] : keys) sorted.push_back(items[i]);
  items = std::move(sorted);
}

/// Gives where the last column of a commitment ends.
std::uint64_t place(Circuit& circuit, Source source) {
  std::vector<ColumnId> order;
  for (ColumnId id = 0; id < circuit.columns.size(); ++id) {
    if (circuit.columns[id].source == source) order.push_back(id);
  }
  sort_largest_first(order, [&](ColumnId id) { return circuit.columns[id].block_variables(); });
  std::uint64_t offset = 0;
  for (const ColumnId id : order) {
    circuit.columns[id].offset = offset;
    offset += circuit.columns[id].size();
  }
  return offset;
}

unsigned variables_for(std::uint64_t elements) {
  const auto bits = static_cast<unsigned>(std::bit_width(std::max<std::uint64_t>(elements, 1) - 1));
  return std::max(bits, kLeastVariables);
}

/// Stores columns of the witness whole, zeros behind their blocks, as far as its power of two has
/// room: a claim on one block is cheaper to check than one on several. The smallest columns come
/// first, those of a size all or none of them.
void fill_up(Circuit& circuit) {
  std::uint64_t stored = 0;
  std::array<std::uint64_t, 64> missing{};  // of all columns, by the size of their blocks
  for (const Column& column : circuit.columns) {
    if (column.source != Source::kWitness) continue;
    stored += column.size();
    missing[column.block_variables()] += (std::uint64_t{1} << column.variables) - column.size();
  }
  std::uint64_t room = (std::uint64_t{1} << variables_for(stored)) - stored;
  unsigned end = 0;
  for (; end < missing.size() && missing[end] <= room; ++end) room -= missing[end];
  for (Column& column : circuit.columns) {
    if (column.source != Source::kWitness || column.block_variables() >= end) continue;
    column.block_bits = 0;
    column.blocks = 1;
  }
}

std::span<const Fp> operand_values(const Circuit& circuit, const CircuitValues& values,
                                   Operand operand) {
  return operand.is_virtual ? std::span<const Fp>(values.virtuals[operand.id])
                            : values.column(circuit.columns[operand.id]);
}

/// The row of a table that has `in`, or nothing.
std::optional<std::uint64_t> row_of(const Table& table, Fp in) {
  std::uint64_t row = in.value();
  if (table.inputs == Table::Inputs::kSigned) {
    row = (in + Fp(std::uint64_t{1} << (table.variables - 1))).value();
    if (row == 0) return std::nullopt;
  }
  if (row >> table.variables != 0) return std::nullopt;
  return row;
}

}  // namespace

unsigned Box::variables() const {
  unsigned bits = 0;
  for (const Axis& axis : axes) bits += axis.bits;
  return bits;
}

bool Box::contains(std::uint64_t index) const {
  std::uint64_t rest = index;
  std::uint64_t before = 0;
  for (std::size_t i = 0; i < axes.size(); ++i) {
    const std::uint64_t at = rest & ((std::uint64_t{1} << axes[i].bits) - 1);
    rest >>= axes[i].bits;
    if (at >= axes[i].bound || (is_causal && i == 1 && before > at)) return false;
    before = at;
  }
  return true;
}

Fp3 Box::evaluate_bounds(std::span<const Fp3> point) const {
  Fp3 product(1);
  std::size_t at = 0;
  for (const Axis& axis : axes) {
    product *= evaluate_below(axis.bound, point.subspan(at, axis.bits));
    at += axis.bits;
  }
  return product;
}

Fp3 Box::evaluate(std::span<const Fp3> point) const {
  if (!is_causal) return evaluate_bounds(point);
  IMO_CHECK(axes.size() >= 2 && axes[0].bits == axes[1].bits && axes[0].bound >= axes[1].bound,
            "causal axes");
  const unsigned bits = axes[0].bits;
  Fp3 product = evaluate_causal_below(axes[1].bound, point.first(bits), point.subspan(bits, bits));
  std::size_t at = std::size_t{2} * bits;
  for (std::size_t i = 2; i < axes.size(); ++i) {
    product *= evaluate_below(axes[i].bound, point.subspan(at, axes[i].bits));
    at += axes[i].bits;
  }
  return product;
}

std::vector<IndexRange> Box::runs() const {
  std::vector<IndexRange> runs{{0, 1}};
  unsigned bits = 0;
  for (const Axis& axis : axes) {
    std::vector<IndexRange> more;
    for (std::uint64_t i = 0; i < axis.bound; ++i) {
      for (const IndexRange& run : runs) {
        const std::size_t shift = i << bits;
        if (!more.empty() && more.back().end == run.begin + shift) {
          more.back().end = run.end + shift;
        } else {
          more.push_back({run.begin + shift, run.end + shift});
        }
      }
    }
    runs = std::move(more);
    bits += axis.bits;
  }
  return runs;
}

void place_columns(Circuit& circuit) {
  fill_up(circuit);
  circuit.witness_stored = place(circuit, Source::kWitness);
  circuit.registered_stored = place(circuit, Source::kRegistered);
  circuit.witness_variables = variables_for(circuit.witness_stored);
  circuit.registered_variables = variables_for(circuit.registered_stored);
}

std::vector<Segment> segments_of(const Circuit& circuit) {
  std::vector<Segment> segments;
  for (std::uint32_t i = 0; i < circuit.lookups.size(); ++i) {
    segments.push_back({false, i, circuit.lookups[i].box.variables(), 0});
  }
  for (std::uint32_t i = 0; i < circuit.tables.size(); ++i) {
    segments.push_back({true, i, circuit.tables[i].variables, 0});
  }
  sort_largest_first(segments, [](const Segment& segment) { return segment.variables; });
  std::uint64_t offset = 0;
  for (Segment& segment : segments) {
    segment.offset = offset;
    offset += std::uint64_t{1} << segment.variables;
  }
  return segments;
}

unsigned segment_variables(std::span<const Segment> segments) {
  IMO_CHECK(!segments.empty(), "a circuit looks something up");
  const Segment& last = segments.back();
  const std::uint64_t end = last.offset + (std::uint64_t{1} << last.variables);
  return std::max(1U, static_cast<unsigned>(std::bit_width(end - 1)));
}

Result<void> count_lookups(const Circuit& circuit, CircuitValues& values) {
  std::vector<std::vector<std::uint64_t>> counts;
  for (const Table& table : circuit.tables) counts.emplace_back(std::size_t{1} << table.variables);
  for (const Lookup& lookup : circuit.lookups) {
    const Table& table = circuit.tables[lookup.table];
    const std::span<const Fp> in = operand_values(circuit, values, lookup.input);
    std::span<const Fp> out;
    std::span<const Fp> outs;
    if (lookup.output) {
      out = operand_values(circuit, values, *lookup.output);
      outs = values.column(circuit.columns[table.outs.value()]);
    }
    for (const IndexRange& run : lookup.box.runs()) {
      for (std::size_t i = run.begin; i < run.end; ++i) {
        if (lookup.box.is_causal && !lookup.box.contains(i)) continue;
        const auto row = row_of(table, in[i] + Fp::from_signed(lookup.offset));
        const bool is_there =
            row && (!lookup.output || out[i] == (*row < outs.size() ? outs[*row] : Fp()));
        if (!is_there) {
          return invalid(
              fmt::format("{}: cell {} has a value that its table '{}' does not have; "
                          "this run cannot be proven",
                          lookup.name, i, table.name));
        }
        ++counts[lookup.table][*row];
      }
    }
  }
  for (std::size_t i = 0; i < circuit.tables.size(); ++i) {
    const Column& column = circuit.columns[circuit.tables[i].counts];
    for (std::size_t row = 0; row < counts[i].size(); ++row) {
      values.witness[column.offset + row] = Fp(counts[i][row]);
    }
  }
  return {};
}

WhirCode witness_code(const Circuit& circuit) {
  const unsigned variables = circuit.witness_variables;
  return {variables, log_inverse_rate(variables, 25, 3, 5)};
}

WhirCode registered_code(const Circuit& circuit) {
  // Made once, and kept.
  const unsigned variables = circuit.registered_variables;
  return {variables, log_inverse_rate(variables, 31, 5, 7)};
}

Result<WhirParameters> opening_parameters(const Circuit& circuit, unsigned grinding) {
  if (circuit.witness_variables > WhirParameters::kMaxVariables ||
      circuit.registered_variables > WhirParameters::kMaxVariables) {
    return invalid(fmt::format(
        "too large to be proven: the run has 2^{} values, the model 2^{}, and 2^{} is the most",
        circuit.witness_variables, circuit.registered_variables, WhirParameters::kMaxVariables));
  }
  const std::array<WhirCommitment, 2> commitments{
      {{registered_code(circuit), circuit.registered_stored},
       {witness_code(circuit), circuit.witness_stored}}};
  // The code of the first folded vector, over F, is most of the prover's work.
  const unsigned larger = std::max(circuit.witness_variables, circuit.registered_variables);
  return WhirParameters::make(commitments, log_inverse_rate(larger, 27, 4, 6), grinding);
}

}  // namespace imo::zkml
