/// Keys and models as the contracts take them; every binding has structs of its own for both.
#pragma once

#include "imo/opml/witness.hpp"
#include "imo/zkml/model_proof.hpp"

namespace imo::node {

template <typename Words>
Words opening_words(const opml::ModelOpening& model) {
  return {model.operator_count,  model.operators,   model.tensor_count,
          model.tensors,         model.table_count, model.tables,
          model.vocabulary_size, model.vocabulary,  model.tokenizer,
          model.context_length,  model.end_token,   U256(model.layers << 32 | model.tail)};
}

template <typename Words>
Words key_words(const zkml::VerifyingKey& key) {
  return {key.model_root, key.registered_root, zkml::field_bytes(key.binding_value),
          key.shape.encode()};
}

}  // namespace imo::node
