#include "imo/node/model_shelf.hpp"

#include "imo/base/hex.hpp"
#include "imo/base/log.hpp"
#include "imo/model/compiler.hpp"

#include <chrono>

#include <sys/stat.h>

namespace imo::node {
namespace {

Result<engine::Model> load_model(const std::filesystem::path& path) {
  if (model::is_program_file(path)) return engine::Model::load(path);
  log::info("compiling {}", path.string());
  IMO_TRY(auto compiled, model::compile_file(path));
  return engine::Model::from_program(std::move(compiled.program), compiled.root);
}

std::uint64_t modified_at(const std::filesystem::path& path) {
  struct stat status{};
  if (::stat(path.c_str(), &status) != 0) return 0;
  return static_cast<std::uint64_t>(status.st_mtim.tv_sec);
}

Result<std::shared_ptr<const ServedModel>> open_file(const ModelFile& file) {
  auto model = load_model(file.path);
  if (!model) return tl::unexpected(model.error().within(file.path.string()));
  const auto name = file.name.empty() ? file.path.stem().string() : file.name;
  const auto chat = model::detect_chat_template(model->tokenizer().vocabulary());
  if (!chat) log::warning("{}: no chat: {}", name, chat.error().message);
  return std::make_shared<const ServedModel>(ServedModel{
      name, std::move(*model), chat ? std::optional(*chat) : std::optional<model::ChatTemplate>(),
      modified_at(file.path)});
}

}  // namespace

Result<ModelShelf> ModelShelf::load(std::span<const ModelFile> files) {
  ModelShelf shelf;
  for (const auto& file : files) {
    IMO_TRY(auto served, open_file(file));
    if (shelf.find(served->name)) {
      return invalid(
          fmt::format("{}: another model is called '{}' already; give it a name of its "
                      "own",
                      file.path.string(), served->name));
    }
    if (const auto twin = shelf.find_root(served->root())) {
      return invalid(fmt::format("{}: the same model as '{}' (root {})", file.path.string(),
                                 twin->name, to_hex(served->root())));
    }
    shelf.models_.push_back(std::move(served));
  }
  return shelf;
}

std::shared_ptr<const ServedModel> ModelShelf::find(std::string_view name) const {
  for (const auto& served : models_) {
    if (served->name == name) return served;
  }
  const auto root = fixed_from_hex<32>(name);
  return root ? find_root(*root) : nullptr;
}

std::shared_ptr<const ServedModel> ModelShelf::find_root(const Hash32& root) const {
  for (const auto& served : models_) {
    if (served->root() == root) return served;
  }
  return nullptr;
}

}  // namespace imo::node
