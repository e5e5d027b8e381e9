#include "imo/engine/plan.hpp"

#include <algorithm>

namespace imo::engine {
namespace {

using model::Operator;
using model::OperatorKind;
using model::Program;

bool is_per_key(const Operator& op) {
  return op.kind == OperatorKind::kScores || op.kind == OperatorKind::kExp;
}

// The last operator that reads each; logits and the chosen token are read by the caller.
std::vector<std::uint32_t> last_uses(const Program& program) {
  const auto count = static_cast<std::uint32_t>(program.operators.size());
  std::vector<std::uint32_t> last(count);
  for (std::uint32_t i = 0; i < count; ++i) {
    last[i] = i;
    for (const std::uint32_t input : program.operators[i].inputs) {
      if (input != model::kNone) last[input] = i;
    }
  }
  last[program.logits_operator()] = count;
  last[count - 1] = count;
  return last;
}

std::vector<bool> cached(const Program& program) {
  std::vector<bool> result(program.operators.size());
  for (const Operator& op : program.operators) {
    if (op.kind == OperatorKind::kScores || op.kind == OperatorKind::kMix) {
      result[op.inputs[1]] = true;
    }
  }
  return result;
}

}  // namespace

Plan Plan::make(const Program& program) {
  Plan plan;
  const std::vector<std::uint32_t> last = last_uses(program);
  const std::vector<bool> is_cache = cached(program);
  std::vector<std::uint32_t> busy_until;  // per slot
  for (std::uint32_t i = 0; i < program.operators.size(); ++i) {
    const Operator& op = program.operators[i];
    const Slot wanted{output_type(op), op.width, is_per_key(op), is_cache[i]};
    std::uint32_t slot = 0;
    while (slot < plan.slots.size() &&
           (busy_until[slot] >= i || wanted.is_cache || plan.slots[slot].type != wanted.type ||
            plan.slots[slot].is_per_key != wanted.is_per_key)) {
      ++slot;
    }
    if (slot == plan.slots.size()) {
      plan.slots.push_back(wanted);
      busy_until.push_back(0);
    }
    plan.slots[slot].width = std::max(plan.slots[slot].width, wanted.width);
    busy_until[slot] = wanted.is_cache ? model::kNone : last[i];
    plan.slot_of.push_back(slot);
  }
  return plan;
}

}  // namespace imo::engine
