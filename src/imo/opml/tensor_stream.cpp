#include "imo/opml/tensor_stream.hpp"

#include "imo/crypto/merkle.hpp"
#include "imo/opml/element.hpp"

#include <algorithm>

namespace imo::opml {
namespace {

constexpr std::size_t kGroup = std::size_t{1} << TensorStream::kKeptHeight;

template <typename T>
void write_all(std::span<const T> values, std::span<std::uint8_t> to) {
  for (std::size_t i = 0; i < values.size(); ++i) {
    write_element(to.subspan(i * sizeof(T), sizeof(T)), values[i]);
  }
}

/// The one span of `row` that is not empty, big-endian.
void write_row(const engine::Output& row, std::span<std::uint8_t> to) {
  write_all(row.narrow, to);
  write_all(row.wide, to);
  write_all(row.large, to);
}

std::size_t row_bytes(const engine::Output& row) {
  return row.narrow.size_bytes() + row.wide.size_bytes() + row.large.size_bytes();
}

void turn_round(const TensorLayout& layout, const engine::Output& row,
                std::span<std::uint8_t> values) {
  for (std::size_t j = 0; j < row.narrow.size(); ++j) {
    write_element(values.subspan(layout.value_offset(j, row.position), 2), row.narrow[j]);
  }
}

/// `nodes` (a whole number of groups, or the last ones) up to kKeptHeight.
std::vector<Hash32> fold_group(std::vector<Hash32> nodes, ThreadPool* pool) {
  for (unsigned height = 0; height < TensorStream::kKeptHeight; ++height) {
    nodes = crypto::merkle_level_above(nodes, height, pool);
  }
  return nodes;
}

}  // namespace

TensorBytes::TensorBytes(const TensorLayout& layout)
    : layout_(layout), bytes_(layout.leaves() * kLeafBytes) {}

void TensorBytes::put_row(const engine::Output& row) {
  write_row(row, std::span(bytes_).subspan(layout_.offset(row.position, 0)));
}

void TensorBytes::put_values(const engine::Output& row) {
  turn_round(layout_, row, bytes_);
}

TensorStream::TensorStream(const TensorLayout& layout, ThreadPool* pool)
    : layout_(layout),
      pool_(pool),
      values_(layout.value_leaves() * kLeafBytes),
      missing_((kGroup - layout.value_leaves() % kGroup) % kGroup) {}

void TensorStream::put_values(const engine::Output& row) {
  turn_round(layout_, row, values_);
}

void TensorStream::put_row(const engine::Output& row) {
  const std::size_t at = pending_.size();
  pending_.resize(at + row_bytes(row));
  write_row(row, std::span(pending_).subspan(at));
  if (pending_.size() >= kHashedAtOnce) hash(pending_.size() / kLeafBytes * kLeafBytes);
}

void TensorStream::hash(std::size_t bytes) {
  const auto leaves = crypto::merkle_leaves(BytesView(pending_).first(bytes), kLeafBytes, pool_);
  pending_.erase(pending_.begin(), pending_.begin() + static_cast<std::ptrdiff_t>(bytes));
  const std::size_t early = std::min(missing_ - first_.size(), leaves.size());
  const auto rest = leaves.begin() + static_cast<std::ptrdiff_t>(early);
  first_.insert(first_.end(), leaves.begin(), rest);
  loose_.insert(loose_.end(), rest, leaves.end());
  fold();
}

void TensorStream::fold() {
  const auto whole = loose_.begin() + static_cast<std::ptrdiff_t>(loose_.size() / kGroup * kGroup);
  const auto above = fold_group({loose_.begin(), whole}, pool_);
  nodes_.insert(nodes_.end(), above.begin(), above.end());
  loose_.erase(loose_.begin(), whole);
}

Subtree TensorStream::finish(unsigned leaf_bits) {
  pending_.resize((pending_.size() + kLeafBytes - 1) / kLeafBytes * kLeafBytes);
  hash(pending_.size());
  // Values and the first rows fill whole groups, or there is nothing behind them.
  std::vector<Hash32> all = crypto::merkle_leaves(values_, kLeafBytes, pool_);
  all.insert(all.end(), first_.begin(), first_.end());
  all = fold_group(std::move(all), pool_);
  all.insert(all.end(), nodes_.begin(), nodes_.end());
  const auto last = fold_group(std::move(loose_), pool_);
  all.insert(all.end(), last.begin(), last.end());
  return Subtree(std::move(all), kKeptHeight, leaf_bits, pool_);
}

}  // namespace imo::opml
