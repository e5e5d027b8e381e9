#include "imo/model/merge_table.hpp"

#include <algorithm>
#include <limits>
#include <queue>
#include <tuple>

namespace imo::model {
namespace {

constexpr std::uint32_t kNowhere = std::numeric_limits<std::uint32_t>::max();

/// A symbol in a list that shrinks: the right part of a merged pair is left behind as dead.
struct Node {
  Symbol symbol;
  std::uint32_t before;
  std::uint32_t after;
  bool is_dead;
};

/// A pair that could merge. It is stale when one of its nodes has changed since.
struct Candidate {
  std::uint32_t priority;
  std::uint32_t at;
  const MergeRule* rule;
};

struct Later {
  bool operator()(const Candidate& a, const Candidate& b) const {
    return std::tie(a.priority, a.at) > std::tie(b.priority, b.at);
  }
};

class Merging {
 public:
  Merging(const MergeTable& table, std::span<const Symbol> symbols) : table_(table) {
    nodes_.reserve(symbols.size());
    for (std::uint32_t i = 0; i < symbols.size(); ++i) {
      const std::uint32_t after = i + 1 < symbols.size() ? i + 1 : kNowhere;
      nodes_.push_back({symbols[i], i == 0 ? kNowhere : i - 1, after, false});
    }
    for (std::uint32_t i = 0; i < symbols.size(); ++i) consider(i);
  }

  std::vector<Symbol> run() {
    while (!waiting_.empty()) {
      const Candidate best = waiting_.top();
      waiting_.pop();
      if (is_current(best)) merge(best);
    }
    std::vector<Symbol> left;
    for (const Node& node : nodes_) {
      if (!node.is_dead) left.push_back(node.symbol);
    }
    return left;
  }

 private:
  void consider(std::uint32_t at) {
    if (at == kNowhere || nodes_[at].after == kNowhere) return;
    const MergeRule* rule = table_.find(nodes_[at].symbol, nodes_[nodes_[at].after].symbol);
    if (rule != nullptr) waiting_.push({rule->priority, at, rule});
  }

  [[nodiscard]] bool is_current(const Candidate& candidate) const {
    const Node& node = nodes_[candidate.at];
    return !node.is_dead && node.symbol == candidate.rule->left && node.after != kNowhere &&
           nodes_[node.after].symbol == candidate.rule->right;
  }

  void merge(const Candidate& candidate) {
    Node& node = nodes_[candidate.at];
    nodes_[node.after].is_dead = true;
    node.symbol = candidate.rule->result;
    node.after = nodes_[node.after].after;
    if (node.after != kNowhere) nodes_[node.after].before = candidate.at;
    consider(node.before);
    consider(candidate.at);
  }

  const MergeTable& table_;
  std::vector<Node> nodes_;
  std::priority_queue<Candidate, std::vector<Candidate>, Later> waiting_;
};

}  // namespace

MergeTable::MergeTable(std::vector<MergeRule> rules) : rules_(std::move(rules)) {
  std::sort(rules_.begin(), rules_.end(), [](const MergeRule& a, const MergeRule& b) {
    return std::tie(a.left, a.right, a.priority) < std::tie(b.left, b.right, b.priority);
  });
  const auto repeats =
      std::unique(rules_.begin(), rules_.end(), [](const MergeRule& a, const MergeRule& b) {
        return a.left == b.left && a.right == b.right;
      });
  rules_.erase(repeats, rules_.end());
  for (std::uint32_t i = 0; i < rules_.size(); ++i) {
    while (first_of_.size() <= rules_[i].left) first_of_.push_back(i);
  }
  first_of_.push_back(static_cast<std::uint32_t>(rules_.size()));
}

const MergeRule* MergeTable::find(Symbol left, Symbol right) const {
  if (std::size_t{left} + 1 >= first_of_.size()) return nullptr;
  const auto begin = rules_.begin() + first_of_[left];
  const auto end = rules_.begin() + first_of_[left + 1];
  const auto at = std::lower_bound(
      begin, end, right, [](const MergeRule& rule, Symbol wanted) { return rule.right < wanted; });
  return at != end && at->right == right ? &*at : nullptr;
}

std::vector<Symbol> MergeTable::apply(std::span<const Symbol> symbols) const {
  if (symbols.size() < 2) return {symbols.begin(), symbols.end()};
  return Merging(*this, symbols).run();
}

}  // namespace imo::model
