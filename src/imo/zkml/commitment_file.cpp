#include "imo/zkml/commitment_file.hpp"

#include "imo/base/file.hpp"
#include "imo/base/mapped_file.hpp"
#include "imo/crypto/keccak.hpp"
#include "imo/zkml/kernels.hpp"
#include "imo/zkml/model_witness.hpp"
#include "imo/zkml/weight.hpp"
#include "imo/zkml/word_tree.hpp"

#include <algorithm>
#include <bit>
#include <memory>
#include <string_view>

#include <fmt/format.h>

namespace imo::zkml {
namespace {

static_assert(std::endian::native == std::endian::little, "words are mapped as they lie");

constexpr std::string_view kMagic = "imo.commitment.2";

/// What a model's commitment is made of and into, before any of it is computed.
struct Plan {
  ModelShape shape;
  std::unique_ptr<const ModelCircuit> circuit;
  WhirCode code;
  std::size_t stored = 0;  ///< elements up to the end of the last column, in whole rows

  static Result<Plan> of(const engine::Model& model) {
    IMO_TRY(ModelShape shape, ModelShape::of(model.program()));
    auto circuit = ModelCircuit::make(shape, {{0}, {0}});
    IMO_TRY_VOID(opening_parameters(circuit->circuit()));
    const WhirCode code = registered_code(circuit->circuit());
    const std::size_t end = circuit->circuit().registered_stored;
    const std::size_t stored = (end + kRowElements - 1) / kRowElements * kRowElements;
    return Plan{std::move(shape), std::move(circuit), code, stored};
  }

  [[nodiscard]] std::size_t piece_bytes() const {
    const unsigned height = code.log_rows() - code.log_inverse_rate - group_height(code);
    return Subtree::nodes_over(height) * sizeof(Digest);
  }
  [[nodiscard]] std::size_t pieces() const { return std::size_t{1} << code.log_inverse_rate; }
};

template <typename T>
BytesView bytes_of(std::span<const T> elements) {
  return {reinterpret_cast<const std::uint8_t*>(elements.data()), elements.size_bytes()};
}

/// All that is between the trees and the end, but for its hash.
Bytes footer_of(const VerifyingKey& key) {
  Bytes footer;
  append(footer, as_bytes(kMagic));
  append(footer, key.model_root.bytes);
  append(footer, crypto::keccak256(key.shape.encode()).bytes);
  append(footer, key.registered_root.bytes);
  append(footer, field_bytes(key.binding_value).bytes);
  return footer;
}

/// Takes what a file ends with.
class Ending {
 public:
  explicit Ending(BytesView file) : rest_(file) {}

  template <std::size_t N>
  FixedBytes<N> take_last() {
    FixedBytes<N> last;
    std::ranges::copy(rest_.last<N>(), last.bytes.begin());
    rest_ = rest_.first(rest_.size() - N);
    return last;
  }

 private:
  BytesView rest_;
};

}  // namespace

Result<void> write_commitment(const engine::Model& model, const std::filesystem::path& path,
                              ThreadPool& pool) {
  IMO_TRY(Plan plan, Plan::of(model));
  IMO_TRY(const std::vector<Fp> values, registered_values(model.program(), *plan.circuit));
  const std::span<const Fp> stored = std::span(values).first(plan.stored);
  IMO_TRY(FileWriter file, FileWriter::create(path));
  IMO_TRY_VOID(file.append(bytes_of(stored)));

  LargeVector<Digest> roots;
  Result<void> written;
  make_subtrees(stored, plan.code, pool, [&](const Subtree& piece) {
    roots.push_back(piece.root());
    if (written) written = file.append(bytes_of(piece.nodes()));
  });
  IMO_TRY_VOID(std::move(written));

  VerifyingKey key{model.root(), Tree(std::move(roots), pool).root(), Fp3(), std::move(plan.shape)};
  key.binding_value = univariate_value(stored, key.binding_point(), pool);
  Bytes footer = footer_of(key);
  append(footer, crypto::keccak256(footer).bytes);
  IMO_TRY_VOID(file.append(footer));
  return file.commit();
}

Result<ProvingKey> open_commitment(const engine::Model& model, const std::filesystem::path& path,
                                   ThreadPool& pool) {
  IMO_TRY(Plan plan, Plan::of(model));
  IMO_TRY(MappedFile mapped, MappedFile::open(path));
  const auto file = std::make_shared<const MappedFile>(std::move(mapped));
  const BytesView bytes = file->bytes();
  const std::size_t trees = plan.stored * sizeof(Fp);
  const std::size_t end = trees + plan.pieces() * plan.piece_bytes();
  VerifyingKey key{model.root(), {}, {}, std::move(plan.shape)};
  if (bytes.size() != end + footer_of(key).size() + Hash32::kSize) {
    return invalid(fmt::format("'{}' has {} bytes, the model's commitment would have {}",
                               path.string(), bytes.size(),
                               end + footer_of(key).size() + Hash32::kSize));
  }
  Ending ending(bytes);
  const auto hash = ending.take_last<Hash32::kSize>();
  const auto value = read_fp3(ending.take_last<Fp3::kBytes>().bytes);
  key.registered_root = ending.take_last<Digest::kSize>();
  if (value) key.binding_value = *value;
  const Bytes footer = footer_of(key);
  if (crypto::keccak256(footer) != hash ||
      !std::ranges::equal(footer, bytes.subspan(end, footer.size()))) {
    return invalid(fmt::format("'{}' is damaged at its end, or of another model", path.string()));
  }
  std::vector<Subtree> pieces;
  for (std::size_t i = 0; i < plan.pieces(); ++i) {
    const BytesView piece = bytes.subspan(trees + i * plan.piece_bytes(), plan.piece_bytes());
    pieces.emplace_back(
        std::span(reinterpret_cast<const Digest*>(piece.data()), piece.size() / sizeof(Digest)));
  }
  Tree tree = Tree::of_pieces(std::move(pieces), pool);
  if (tree.root() != key.registered_root) {
    return invalid(fmt::format("'{}' is damaged: its tree has another root", path.string()));
  }
  const std::span<const Fp> values(reinterpret_cast<const Fp*>(bytes.data()), plan.stored);
  if (univariate_value(values, key.binding_point(), pool) != key.binding_value) {
    return invalid(fmt::format("'{}' is damaged: it has other values", path.string()));
  }
  return ProvingKey(
      std::move(key),
      CommittedVector(plan.code, values, WordTree(std::move(tree), group_height(plan.code)), file));
}

}  // namespace imo::zkml
