#include "imo/zkml/column.hpp"

#include "imo/base/check.hpp"
#include "imo/zkml/weight.hpp"

#include <algorithm>

namespace imo::zkml {

Result<Fp3> ColumnClaims::value(ColumnId column, std::span<const Fp3> point) {
  IMO_CHECK(point.size() == columns_[column].variables, "a point of another dimension");
  by_column_.resize(columns_.size());
  for (const std::size_t index : by_column_[column]) {
    if (std::ranges::equal(known_[index].point, point)) return known_[index].value;
  }
  IMO_TRY(const Fp3 value, learn(column, point));
  by_column_[column].push_back(known_.size());
  known_.push_back({column, {point.begin(), point.end()}, value});
  return value;
}

std::vector<Claim> ColumnClaims::claims_on(Source source) const {
  std::vector<Claim> claims;
  for (const Known& known : known_) {
    const Column& column = columns_[known.column];
    if (column.source != source) continue;
    const std::span<const Fp3> point(known.point);
    const std::span<const Fp3> low = point.first(column.block_variables());
    std::vector<Fp3> blocks = point_weights(point.subspan(low.size()));
    blocks.resize(column.blocks);
    claims.push_back(
        {{low.begin(), low.end()}, column.offset >> low.size(), std::move(blocks), known.value});
  }
  return claims;
}

Result<Fp3> SaidClaims::learn(ColumnId column, std::span<const Fp3> point) {
  const Fp3 value = evaluate_multilinear(values_(column), point, pool_);
  proof_.write(value);
  return value;
}

}  // namespace imo::zkml
