#include "imo/model/random_model.hpp"

#include "imo/base/file.hpp"
#include "imo/model/gguf_writer.hpp"

#include <algorithm>
#include <array>
#include <cmath>
#include <cstring>
#include <string>
#include <vector>

#include <fmt/format.h>

namespace imo::model {
namespace {

constexpr std::uint64_t kFewestParameters = 100'000;
constexpr std::uint64_t kMostParameters = 20'000'000'000;
constexpr std::uint32_t kFewestTokens = 320;  ///< the special ones, 256 bytes, some words
constexpr std::uint32_t kMostTokens = 1U << 18;
constexpr std::uint32_t kShortestContext = 32;
constexpr std::uint32_t kLongestContext = 1U << 17;
constexpr std::uint32_t kMostLayers = 128;
constexpr double kFarthest = 1.25;  ///< how far from the size asked for a shape may be

// Width, hidden, layers, heads, key-value heads, vocabulary, context, tied. After stories260K to
// stories110M, SmolLM 135M and 360M, TinyLlama 1.1B, Llama 3.2 3B and Llama 2 7B.
constexpr std::array<RandomShape, 10> kProportions{{
    {64, 192, 5, 8, 4, 512, 512, true},
    {128, 384, 6, 8, 4, 1024, 512, true},
    {288, 768, 6, 6, 6, 32000, 512, true},
    {512, 1376, 8, 8, 8, 32000, 1024, true},
    {768, 2048, 12, 12, 12, 32000, 1024, true},
    {576, 1536, 30, 9, 3, 49152, 2048, true},
    {960, 2560, 32, 15, 5, 49152, 2048, true},
    {2048, 5632, 22, 32, 4, 32000, 2048, false},
    {3072, 8192, 28, 24, 8, 128256, 4096, true},
    {4096, 11008, 32, 32, 32, 32000, 4096, false},
}};

std::uint64_t kv_length(const RandomShape& shape) {
  return std::uint64_t{shape.width} / shape.heads * shape.kv_heads;
}

std::uint64_t layer_parameters(const RandomShape& shape) {
  const std::uint64_t width = shape.width;
  return 2 * width * width + 2 * width * kv_length(shape) + 3 * width * shape.hidden + 2 * width;
}

double distance(const RandomShape& shape, std::uint64_t parameters) {
  return std::fabs(std::log(double(shape.parameters()) / double(parameters)));
}

struct Matrix {
  std::string name;
  std::uint64_t columns;
  std::uint64_t rows;
  bool is_norm;
};

std::vector<Matrix> matrices(const RandomShape& shape) {
  const std::uint64_t width = shape.width;
  std::vector<Matrix> all{{"token_embd.weight", width, shape.vocabulary, false},
                          {"output_norm.weight", width, 1, true}};
  if (!shape.tied) all.push_back({"output.weight", width, shape.vocabulary, false});
  for (std::uint32_t layer = 0; layer < shape.layers; ++layer) {
    const auto add = [&](std::string_view part, std::uint64_t columns, std::uint64_t rows) {
      all.push_back({fmt::format("blk.{}.{}.weight", layer, part), columns, rows, rows == 1});
    };
    add("attn_norm", width, 1);
    add("attn_q", width, width);
    add("attn_k", width, kv_length(shape));
    add("attn_v", width, kv_length(shape));
    add("attn_output", width, width);
    add("ffn_norm", width, 1);
    add("ffn_gate", width, shape.hidden);
    add("ffn_up", width, shape.hidden);
    add("ffn_down", shape.hidden, width);
  }
  return all;
}

/// "a" to "z", "ba", "bb", ...: every number another word.
std::string word(std::uint32_t number) {
  std::string letters;
  do {
    letters.insert(letters.begin(), static_cast<char>('a' + number % 26));
    number /= 26;
  } while (number != 0);
  return letters;
}

void add_vocabulary(GgufWriter& writer, std::uint32_t size) {
  constexpr int kUnknown = 2;
  constexpr int kControl = 3;
  constexpr int kByte = 6;
  std::vector<std::string> tokens{"<unk>", "<s>", "</s>"};
  std::vector<std::int32_t> types{kUnknown, kControl, kControl};
  for (int byte = 0; byte < 256; ++byte) {
    tokens.push_back(fmt::format("<0x{:02X}>", byte));
    types.push_back(kByte);
  }
  std::vector<float> scores(tokens.size(), 0.0F);
  for (std::uint32_t i = 0; tokens.size() < size; ++i) {
    // Half of the words with the space before them, U+2581.
    tokens.push_back((i % 2 == 0 ? "\u2581" : "") + word(i / 2));
    types.push_back(1);
    scores.push_back(-static_cast<float>(i + 1));
  }
  writer.add_string("tokenizer.ggml.model", "llama");
  writer.add_strings("tokenizer.ggml.tokens", tokens);
  writer.add_floats("tokenizer.ggml.scores", scores);
  writer.add_int32s("tokenizer.ggml.token_type", types);
  writer.add_uint32("tokenizer.ggml.unknown_token_id", 0);
  writer.add_uint32("tokenizer.ggml.bos_token_id", 1);
  writer.add_uint32("tokenizer.ggml.eos_token_id", 2);
}

GgufWriter describe(const RandomShape& shape) {
  GgufWriter writer;
  writer.add_string("general.architecture", "llama");
  writer.add_string("general.name", fmt::format("random {}M", shape.parameters() / 1'000'000));
  writer.add_uint32("llama.context_length", shape.context);
  writer.add_uint32("llama.embedding_length", shape.width);
  writer.add_uint32("llama.feed_forward_length", shape.hidden);
  writer.add_uint32("llama.block_count", shape.layers);
  writer.add_uint32("llama.attention.head_count", shape.heads);
  writer.add_uint32("llama.attention.head_count_kv", shape.kv_heads);
  writer.add_uint32("llama.rope.dimension_count", shape.width / shape.heads);
  writer.add_float32("llama.attention.layer_norm_rms_epsilon", 1e-5F);
  add_vocabulary(writer, shape.vocabulary);
  for (const Matrix& matrix : matrices(shape)) {
    std::vector<std::uint64_t> dimensions{matrix.columns};
    if (!matrix.is_norm) dimensions.push_back(matrix.rows);
    writer.declare_tensor(matrix.name, matrix.is_norm ? TensorType::kF32 : TensorType::kQ8_0,
                          dimensions);
  }
  return writer;
}

/// splitmix64 (Steele, Lea, Flood 2014): the n-th number of a stream without those before it.
std::uint64_t random_at(std::uint64_t stream, std::uint64_t n) {
  std::uint64_t x = stream + (n + 1) * 0x9E3779B97F4A7C15U;
  x = (x ^ (x >> 30)) * 0xBF58476D1CE4E5B9U;
  x = (x ^ (x >> 27)) * 0x94D049BB133111EBU;
  return x ^ (x >> 31);
}

constexpr std::size_t kBlockValues = 32;
constexpr std::size_t kBlockBytes = 34;

/// One Q8_0 block: the scale as half precision, then 32 bytes in [-127, 127].
void fill_block(std::uint8_t* out, std::uint16_t scale, std::uint64_t stream, std::uint64_t block) {
  std::memcpy(out, &scale, sizeof scale);
  for (std::size_t i = 0; i < kBlockValues / 8; ++i) {
    const std::uint64_t drawn = random_at(stream, block * (kBlockValues / 8) + i);
    std::memcpy(out + sizeof scale + 8 * i, &drawn, sizeof drawn);
  }
  std::replace(out + sizeof scale, out + kBlockBytes, std::uint8_t{0x80}, std::uint8_t{0});
}

Result<void> write_matrix(const Matrix& matrix, std::uint64_t stream, FileWriter& file,
                          ThreadPool& pool) {
  constexpr std::uint64_t kBlocksAtOnce = 1U << 16;
  // Uniform on [-127, 127] deviates by 127 / sqrt(3): this makes sums of `columns` products unit.
  const double deviation = 127 / std::sqrt(3.0);
  const std::uint16_t scale =
      float_to_half(static_cast<float>(1 / (deviation * std::sqrt(double(matrix.columns)))));
  const std::uint64_t blocks = matrix.rows * matrix.columns / kBlockValues;
  Bytes piece;
  for (std::uint64_t first = 0; first < blocks; first += kBlocksAtOnce) {
    const std::size_t count = std::min(kBlocksAtOnce, blocks - first);
    piece.resize(count * kBlockBytes);
    pool.parallel_for(count, [&](std::size_t i) {
      fill_block(piece.data() + i * kBlockBytes, scale, stream, first + i);
    });
    IMO_TRY_VOID(file.append(piece));
  }
  return {};
}

Result<void> write_norm(const Matrix& matrix, FileWriter& file) {
  const std::vector<float> ones(matrix.columns, 1.0F);
  Bytes bytes(ones.size() * sizeof(float));
  std::memcpy(bytes.data(), ones.data(), bytes.size());
  return file.append(bytes);
}

Result<void> check_range(std::string_view what, std::uint64_t value, std::uint64_t least,
                         std::uint64_t most) {
  if (value >= least && value <= most) return {};
  return invalid(fmt::format("{} of {} is outside {} to {}", what, value, least, most));
}

}  // namespace

std::uint64_t RandomShape::parameters() const {
  const std::uint64_t matrix = std::uint64_t{vocabulary} * width;
  return matrix * (tied ? 1 : 2) + width + layers * layer_parameters(*this);
}

Result<RandomShape> choose_random_shape(std::uint64_t parameters, std::uint32_t vocabulary,
                                        std::uint32_t context) {
  IMO_TRY_VOID(
      check_range("a number of parameters", parameters, kFewestParameters, kMostParameters));
  if (vocabulary != 0) {
    IMO_TRY_VOID(check_range("a vocabulary", vocabulary, kFewestTokens, kMostTokens));
  }
  if (context != 0) {
    IMO_TRY_VOID(check_range("a context", context, kShortestContext, kLongestContext));
  }
  RandomShape best;
  for (RandomShape shape : kProportions) {
    if (vocabulary != 0) shape.vocabulary = vocabulary;
    if (context != 0) shape.context = context;
    const std::uint32_t usual = shape.layers;
    for (std::uint32_t layers = std::max(1U, usual / 2); layers <= std::min(kMostLayers, 2 * usual);
         ++layers) {
      shape.layers = layers;
      if (best.width == 0 || distance(shape, parameters) < distance(best, parameters)) best = shape;
    }
  }
  if (distance(best, parameters) > std::log(kFarthest)) {
    return invalid(fmt::format("no model of {} parameters with {} tokens; the nearest has {}",
                               parameters, best.vocabulary, best.parameters()));
  }
  return best;
}

Result<void> write_random_model(const RandomShape& shape, const std::filesystem::path& path,
                                ThreadPool& pool, const RandomModelOptions& options) {
  IMO_TRY(FileWriter file, FileWriter::create(path));
  IMO_TRY_VOID(file.append(describe(shape).head()));
  std::uint64_t done = 0;
  std::uint64_t index = 0;
  for (const Matrix& matrix : matrices(shape)) {
    const std::uint64_t stream = random_at(options.seed, index++);
    const std::uint64_t values = matrix.rows * matrix.columns;
    if (matrix.is_norm) {
      IMO_TRY_VOID(write_norm(matrix, file));
    } else {
      IMO_TRY_VOID(write_matrix(matrix, stream, file, pool));
    }
    const std::uint64_t bytes =
        matrix.is_norm ? values * sizeof(float) : values / kBlockValues * kBlockBytes;
    const std::uint64_t beyond = bytes % GgufWriter::kAlignment;
    if (beyond != 0) IMO_TRY_VOID(file.append(Bytes(GgufWriter::kAlignment - beyond)));
    done += values;
    if (options.on_progress) options.on_progress(done);
  }
  return file.commit();
}

}  // namespace imo::model
