/// The models that a node serves, loaded and ready.
#pragma once

#include "imo/base/bytes.hpp"
#include "imo/base/result.hpp"
#include "imo/engine/model.hpp"
#include "imo/model/chat_template.hpp"
#include "imo/node/config.hpp"

#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace imo::node {

struct ServedModel {
  std::string name;  ///< unique among the node's models
  engine::Model model;
  /// How chat messages become a prompt; nothing when the model's own template is not known here.
  std::optional<model::ChatTemplate> chat;
  std::uint64_t created = 0;  ///< unix seconds of the file

  [[nodiscard]] const Hash32& root() const { return model.root(); }
  [[nodiscard]] const model::Tokenizer& tokenizer() const { return model.tokenizer(); }
};

/// Immutable once loaded.
class ModelShelf {
 public:
  /// Loads `.imo` files and compiles GGUF files; fails, naming the file, on the first bad one, on
  /// two of one name and on two of one root.
  static Result<ModelShelf> load(std::span<const ModelFile> files);

  [[nodiscard]] const std::vector<std::shared_ptr<const ServedModel>>& all() const {
    return models_;
  }
  /// By name, or by root in hexadecimal; null when there is none.
  [[nodiscard]] std::shared_ptr<const ServedModel> find(std::string_view name) const;
  [[nodiscard]] std::shared_ptr<const ServedModel> find_root(const Hash32& root) const;

 private:
  std::vector<std::shared_ptr<const ServedModel>> models_;
};

}  // namespace imo::node
