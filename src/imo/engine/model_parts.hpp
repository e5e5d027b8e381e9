/// What copies of a Model share.
#pragma once

#include "imo/engine/model.hpp"
#include "imo/engine/plan.hpp"

namespace imo::engine {

struct Model::Parts {
  model::Program program;
  Hash32 root;
  model::Tokenizer tokenizer;
  Plan plan;
};

}  // namespace imo::engine
