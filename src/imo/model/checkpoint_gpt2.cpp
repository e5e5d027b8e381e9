// GPT-2 as checkpoints have it. Its matrices lie column by column: an input's weights to all
// outputs are one row of the file. Everything that reads weights wants an output's side by side, so
// they are turned over once, into a file without a name that is mapped as the others are.

#include "imo/base/scratch_file.hpp"
#include "imo/model/checkpoint_parts.hpp"

#include <fmt/format.h>

namespace imo::model {
namespace {

class Gpt2Tensors {
 public:
  Gpt2Tensors(CheckpointTensors& tensors, Checkpoint& checkpoint, ScratchFile scratch)
      : tensors_(tensors), checkpoint_(checkpoint), scratch_(std::move(scratch)) {}

  Result<void> run() {
    const ModelConfig& config = checkpoint_.config;
    const std::uint32_t width = config.embedding_length;
    prefix_ = tensors_.has("transformer.wte.weight") ? "transformer." : "";
    ModelTensors& to = checkpoint_.tensors;
    IMO_TRY(to.embedding, tensors_.matrix(prefix_ + "wte.weight", config.vocabulary_size, width));
    IMO_TRY(to.position_embedding,
            tensors_.matrix(prefix_ + "wpe.weight", config.context_length, width));
    IMO_TRY(to.output_norm, tensors_.vector(prefix_ + "ln_f.weight", width));
    IMO_TRY(to.output_norm_bias, tensors_.vector(prefix_ + "ln_f.bias", width));
    to.output = to.embedding;
    if (!config.tied_output) {
      IMO_TRY(to.output, tensors_.matrix("lm_head.weight", config.vocabulary_size, width));
    }
    for (std::uint32_t i = 0; i < config.layers; ++i) {
      IMO_TRY(LayerTensors layer, read_layer(i));
      to.layers.push_back(layer);
    }
    // Masks of attention, which are the same in every model.
    IMO_TRY_VOID(tensors_.check_nothing_left({".attn.bias", ".attn.masked_bias"}));
    return map();
  }

 private:
  struct Turned {
    SourceTensor* tensor;
    std::uint64_t offset;
  };

  Result<LayerTensors> read_layer(std::uint32_t index) {
    const auto name = [&](std::string_view part) {
      return fmt::format("{}h.{}.{}", prefix_, index, part);
    };
    const std::uint32_t width = checkpoint_.config.embedding_length;
    const std::uint32_t hidden = checkpoint_.config.feed_forward_length;
    LayerTensors layer;
    IMO_TRY(layer.attention_norm, tensors_.vector(name("ln_1.weight"), width));
    IMO_TRY(layer.attention_norm_bias, tensors_.vector(name("ln_1.bias"), width));
    IMO_TRY_VOID(read_attention(name("attn.c_attn"), layer));
    IMO_TRY(layer.attention_output, turned(name("attn.c_proj.weight"), width, width));
    IMO_TRY(layer.attention_output_bias, tensors_.vector(name("attn.c_proj.bias"), width));
    IMO_TRY(layer.feed_forward_norm, tensors_.vector(name("ln_2.weight"), width));
    IMO_TRY(layer.feed_forward_norm_bias, tensors_.vector(name("ln_2.bias"), width));
    IMO_TRY(layer.up, turned(name("mlp.c_fc.weight"), hidden, width));
    IMO_TRY(layer.up_bias, tensors_.vector(name("mlp.c_fc.bias"), hidden));
    IMO_TRY(layer.down, turned(name("mlp.c_proj.weight"), width, hidden));
    IMO_TRY(layer.down_bias, tensors_.vector(name("mlp.c_proj.bias"), width));
    return layer;
  }

  // Queries, keys and values are one matrix: a third of its outputs each.
  Result<void> read_attention(const std::string& name, LayerTensors& layer) {
    const std::uint32_t width = checkpoint_.config.embedding_length;
    IMO_TRY(const SourceTensor stored, tensors_.stored(name + ".weight", width, 3ULL * width));
    IMO_TRY(const SourceTensor* biases, tensors_.vector(name + ".bias", 3ULL * width));
    const std::pair<const SourceTensor**, const SourceTensor**> parts[] = {
        {&layer.query, &layer.query_bias},
        {&layer.key, &layer.key_bias},
        {&layer.value, &layer.value_bias}};
    for (std::uint32_t i = 0; i < 3; ++i) {
      IMO_TRY(*parts[i].first, turn(stored, std::uint64_t{i} * width, width));
      const std::size_t size = biases->bytes.size() / 3;
      SourceTensor bias = *biases;
      bias.dimensions[0] = width;
      bias.offset += i * size;
      bias.bytes = biases->bytes.subspan(i * size, size);
      *parts[i].second = tensors_.keep(bias);
    }
    return {};
  }

  Result<const SourceTensor*> turned(const std::string& name, std::uint64_t rows,
                                     std::uint64_t columns) {
    IMO_TRY(const SourceTensor stored, tensors_.stored(name, columns, rows));
    return turn(stored, 0, rows);
  }

  // Outputs [first, first + count) of a matrix whose rows in the file are inputs.
  Result<const SourceTensor*> turn(const SourceTensor& stored, std::uint64_t first,
                                   std::uint64_t count) {
    const std::uint64_t inputs = stored.rows();
    const std::size_t size = stored.row(0).size() / stored.columns();
    Bytes out(inputs * count * size);
    std::vector<float> values(stored.columns());
    for (std::uint64_t i = 0; i < inputs; ++i) {
      IMO_TRY_VOID(read_row(stored, i, values));  // while damage still has an offset in the file
      const BytesView from = stored.row(i).subspan(first * size, count * size);
      for (std::uint64_t j = 0; j < count; ++j) {
        std::copy_n(from.data() + j * size, size, out.data() + (j * inputs + i) * size);
      }
    }
    SourceTensor tensor = stored;
    tensor.dimensions = {inputs, count, 1, 1};
    SourceTensor* kept = tensors_.keep(tensor);
    IMO_TRY(const std::uint64_t offset, scratch_.append(out));
    turned_.push_back({kept, offset});
    return kept;
  }

  Result<void> map() {
    IMO_TRY(MappedFile mapped, scratch_.map());
    checkpoint_.turned = std::make_shared<const MappedFile>(std::move(mapped));
    for (const Turned& each : turned_) {
      SourceTensor& tensor = *each.tensor;
      const std::size_t size =
          tensor.rows() * tensor.columns() * tensor_type_traits(tensor.type).block_bytes;
      tensor.bytes = checkpoint_.turned->bytes().subspan(each.offset, size);
    }
    return {};
  }

  CheckpointTensors& tensors_;
  Checkpoint& checkpoint_;
  ScratchFile scratch_;
  std::string prefix_;
  std::vector<Turned> turned_;
};

}  // namespace

Result<ModelConfig> read_gpt2_config(const CheckpointConfig& from) {
  ModelConfig config;
  config.architecture = Architecture::kGpt2;
  config.rope_pairing = RopePairing::kHalfSplit;
  if (const std::string act = from.text("activation_function"); act != "gelu_new") {
    return invalid(fmt::format(
        "config.json: 'activation_function' is {}; only gelu_new is supported", in_quotes(act)));
  }
  for (const char* name : {"scale_attn_by_inverse_layer_idx", "add_cross_attention"}) {
    if (from.is_true(name)) return invalid(fmt::format("config.json: '{}' is not supported", name));
  }
  if (from.has("scale_attn_weights") && !from.is_true("scale_attn_weights")) {
    return invalid("config.json: only 'scale_attn_weights' of true is supported");
  }
  IMO_TRY(config.context_length, from.size("n_positions", kMostModelTokens));
  IMO_TRY(config.embedding_length, from.size("n_embd", kWidestModel));
  IMO_TRY(config.feed_forward_length,
          from.size_or("n_inner", kWidestModel, 4 * config.embedding_length));
  IMO_TRY(config.layers, from.size("n_layer", kMostModelLayers));
  IMO_TRY(config.heads, from.size("n_head", kWidestModel));
  if (config.embedding_length % config.heads != 0) {
    return invalid(fmt::format("config.json: 'n_head' is {}, which does not divide the width {}",
                               config.heads, config.embedding_length));
  }
  config.kv_heads = config.heads;
  config.head_dimension = config.embedding_length / config.heads;
  IMO_TRY(config.norm_epsilon, from.positive("layer_norm_epsilon"));
  IMO_TRY(config.vocabulary_size, from.size("vocab_size", kMostModelTokens));
  return config;
}

Result<void> read_gpt2_tensors(CheckpointTensors& tensors, Checkpoint& checkpoint) {
  checkpoint.config.tied_output = !tensors.has("lm_head.weight");
  IMO_TRY(ScratchFile scratch, ScratchFile::create());
  return Gpt2Tensors(tensors, checkpoint, std::move(scratch)).run();
}

}  // namespace imo::model
