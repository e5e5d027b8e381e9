#include "imo/model/merge_table.hpp"

#include "imo/model/test_support.hpp"

#include <random>

#include <gtest/gtest.h>

namespace imo::model {
namespace {

using testing::below;

// The definition, word for word: the pair of least priority, the leftmost of equals, again and
// again. O(n^2), and the twin of MergeTable::apply.
std::vector<Symbol> merge_slowly(const MergeTable& table, std::vector<Symbol> symbols) {
  while (true) {
    const MergeRule* best = nullptr;
    std::size_t at = 0;
    for (std::size_t i = 0; i + 1 < symbols.size(); ++i) {
      const MergeRule* rule = table.find(symbols[i], symbols[i + 1]);
      if (rule != nullptr && (best == nullptr || rule->priority < best->priority)) {
        best = rule;
        at = i;
      }
    }
    if (best == nullptr) return symbols;
    symbols[at] = best->result;
    symbols.erase(symbols.begin() + static_cast<std::ptrdiff_t>(at) + 1);
  }
}

TEST(MergeTable, FindsTheRuleOfAPair) {
  const MergeTable table({{3, 1, 7, 5}, {0, 1, 8, 2}, {3, 1, 9, 4}});
  ASSERT_NE(table.find(3, 1), nullptr);
  EXPECT_EQ(table.find(3, 1)->result, 9U) << "the smaller priority counts";
  EXPECT_EQ(table.find(0, 1)->result, 8U);
  EXPECT_EQ(table.find(1, 3), nullptr);
  EXPECT_EQ(table.find(1U << 30, 1), nullptr);
  EXPECT_EQ(MergeTable().find(0, 0), nullptr);
  EXPECT_EQ(MergeTable(std::vector<MergeRule>{}).find(0, 0), nullptr);
}

TEST(MergeTable, LeftmostOfEquals) {
  const MergeTable table({{0, 0, 1, 0}});
  const std::vector<Symbol> five(5, 0);
  EXPECT_EQ(table.apply(five), (std::vector<Symbol>{1, 1, 0}));
}

TEST(MergeTable, AgreesWithTheDefinition) {
  std::mt19937 random(11);
  for (int round = 0; round < 400; ++round) {
    const std::uint32_t base = 2 + below(random, 4);
    std::vector<MergeRule> rules;
    std::uint32_t symbols = base;
    for (std::uint32_t i = 0; i < 30; ++i) {
      // Few distinct priorities, so that ties are common.
      rules.push_back({below(random, symbols), below(random, symbols), symbols, below(random, 8)});
      ++symbols;
    }
    const MergeTable table(rules);
    std::vector<Symbol> text(below(random, 60));
    for (Symbol& symbol : text) symbol = below(random, base + 1);
    ASSERT_EQ(table.apply(text), merge_slowly(table, text)) << round;
  }
}

}  // namespace
}  // namespace imo::model
