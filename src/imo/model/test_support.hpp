/// What the tests of this part share: files of ../shared/data, and small models made on the spot.
#pragma once

#include "imo/base/bytes.hpp"
#include "imo/model/gguf_writer.hpp"

#include <cstdint>
#include <filesystem>
#include <functional>
#include <random>
#include <string>

namespace imo::model::testing {

/// A file under IMO_SHARED_DATA (the environment, or else the build's setting).
std::filesystem::path shared_file(const std::string& relative);

/// The content of a text file of at most 16 MiB; the test fails when it cannot be read.
std::string read_text(const std::filesystem::path& path);

/// A number below `bound`, near enough to uniform for a test; the same on every machine.
inline std::uint32_t below(std::mt19937& random, std::uint32_t bound) {
  return static_cast<std::uint32_t>(random() % bound);
}

/// The shape of a made-up model.
struct TinyShape {
  std::string architecture = "llama";
  std::uint32_t width = 16;
  std::uint32_t hidden = 24;
  std::uint32_t layers = 2;
  std::uint32_t heads = 4;
  std::uint32_t kv_heads = 2;
  std::uint32_t context = 32;
  std::uint32_t vocabulary = 0;  ///< 0: as many tokens as add_tiny_vocabulary adds
  bool tied = true;
  bool biases = false;
  std::uint32_t seed = 1;
};

/// <unk>, <s>, </s>, the 256 bytes, then " ", "a", "b", " a", "ab", "aba": SentencePiece.
void add_tiny_vocabulary(GgufWriter& writer);
inline constexpr std::uint32_t kTinyVocabulary = 3 + 256 + 6;

/// The metadata of `shape`.
void add_tiny_config(GgufWriter& writer, const TinyShape& shape);

/// The tensors of `shape`, F32, random; `skip` says which names to leave out.
void add_tiny_tensors(GgufWriter& writer, const TinyShape& shape,
                      const std::function<bool(const std::string&)>& skip = {});

/// Calls `each` for every tensor of `shape`, in GGUF's order and by GGUF's names.
void for_each_tiny_tensor(
    const TinyShape& shape,
    const std::function<void(const std::string& name, const std::vector<std::uint64_t>& dimensions,
                             const std::vector<float>& values)>& each);

/// Random blocks of Q4_0 or Q4_K, with numbers around 1.
Bytes random_blocks(TensorType type, std::size_t count, std::mt19937& random);

/// A whole model whose matrices, but for the embedding, are such blocks.
Bytes tiny_model_of_blocks(const TinyShape& shape, TensorType type);

/// All of the above: a whole model.
Bytes tiny_model(const TinyShape& shape = {});

}  // namespace imo::model::testing

/// Skips the running test, saying why, when a file of the shared data is absent.
#define IMO_NEED_SHARED(path)                                                       \
  do {                                                                              \
    if (!std::filesystem::exists(path))                                             \
      GTEST_SKIP() << (path) << " is absent; set IMO_SHARED_DATA to run this test"; \
  } while (false)
