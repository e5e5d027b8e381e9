#include "imo/zkml/proof_file.hpp"

#include <algorithm>
#include <string_view>

#include <fmt/format.h>

namespace imo::zkml {
namespace {

constexpr std::string_view kMagic = "IMOPROOF";
constexpr std::uint32_t kVersion = 1;

void put(Bytes& bytes, std::uint32_t word) {
  for (int shift = 24; shift >= 0; shift -= 8) {
    bytes.push_back(static_cast<std::uint8_t>(word >> shift));
  }
}

class Reader {
 public:
  explicit Reader(BytesView bytes) : rest_(bytes) {}

  Result<BytesView> take(std::uint64_t size, std::string_view what) {
    if (size > rest_.size()) {
      return invalid(fmt::format("the proof file ends within {}: {} bytes are missing", what,
                                 size - rest_.size()));
    }
    const BytesView taken = rest_.first(size);
    rest_ = rest_.subspan(size);
    return taken;
  }

  Result<std::uint32_t> word(std::string_view what) {
    IMO_TRY(const BytesView bytes, take(4, what));
    std::uint32_t value = 0;
    for (const std::uint8_t byte : bytes) value = value << 8 | byte;
    return value;
  }

  template <std::size_t N>
  Result<FixedBytes<N>> fixed(std::string_view what) {
    IMO_TRY(const BytesView bytes, take(N, what));
    FixedBytes<N> value;
    std::ranges::copy(bytes, value.bytes.begin());
    return value;
  }

  Result<Fp3> element(std::string_view what) {
    IMO_TRY(const BytesView bytes, take(Fp3::kBytes, what));
    const auto value = read_fp3(bytes.first<Fp3::kBytes>());
    if (!value) return invalid(fmt::format("{} is no field element", what));
    return *value;
  }

  Result<std::vector<TokenId>> tokens(std::uint32_t count, std::string_view what) {
    IMO_TRY(const BytesView bytes, take(std::uint64_t{4} * count, what));
    std::vector<TokenId> tokens;
    for (std::size_t i = 0; i < bytes.size(); i += 4) {
      tokens.push_back(TokenId{bytes[i]} << 24 | TokenId{bytes[i + 1]} << 16 |
                       TokenId{bytes[i + 2]} << 8 | bytes[i + 3]);
    }
    return tokens;
  }

  [[nodiscard]] BytesView rest() const { return rest_; }

 private:
  BytesView rest_;
};

}  // namespace

Bytes ProofFile::encode() const {
  const Bytes shape = key.shape.encode();
  Bytes bytes(kMagic.begin(), kMagic.end());
  put(bytes, kVersion);
  append(bytes, key.model_root.bytes);
  append(bytes, key.registered_root.bytes);
  append(bytes, field_bytes(key.binding_value).bytes);
  append(bytes, statement.context.bytes);
  put(bytes, static_cast<std::uint32_t>(shape.size()));
  put(bytes, static_cast<std::uint32_t>(statement.answer.prompt.size()));
  put(bytes, static_cast<std::uint32_t>(statement.answer.output.size()));
  append(bytes, shape);
  for (const TokenId token : statement.answer.prompt) put(bytes, token);
  for (const TokenId token : statement.answer.output) put(bytes, token);
  append(bytes, proof);
  return bytes;
}

Result<ProofFile> ProofFile::decode(BytesView bytes) {
  Reader reader(bytes);
  const auto magic = reader.take(kMagic.size(), "its first bytes");
  if (!magic || !std::ranges::equal(*magic, kMagic)) {
    return invalid("not a proof file: it does not begin with IMOPROOF");
  }
  IMO_TRY(const std::uint32_t version, reader.word("its version"));
  if (version != kVersion) {
    return invalid(
        fmt::format("the proof file has version {}, this imo reads version {}", version, kVersion));
  }
  ProofFile file;
  IMO_TRY(file.key.model_root, reader.fixed<32>("the model root"));
  IMO_TRY(file.key.registered_root, reader.fixed<Digest::kSize>("the root of the weights"));
  IMO_TRY(file.key.binding_value, reader.element("the value of the weights"));
  IMO_TRY(file.statement.context, reader.fixed<32>("the context"));
  IMO_TRY(const std::uint32_t shape_bytes, reader.word("the sizes"));
  IMO_TRY(const std::uint32_t prompt, reader.word("the sizes"));
  IMO_TRY(const std::uint32_t output, reader.word("the sizes"));
  IMO_TRY(const BytesView shape, reader.take(shape_bytes, "the model's shape"));
  IMO_TRY(file.key.shape, ModelShape::decode(shape));
  IMO_TRY(file.statement.answer.prompt, reader.tokens(prompt, "the prompt"));
  IMO_TRY(file.statement.answer.output, reader.tokens(output, "the answer"));
  const BytesView proof = reader.rest();
  file.proof.assign(proof.begin(), proof.end());
  return file;
}

}  // namespace imo::zkml
