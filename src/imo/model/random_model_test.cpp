#include "imo/model/random_model.hpp"

#include "imo/base/file.hpp"
#include "imo/model/architecture.hpp"
#include "imo/model/tokenizer.hpp"

#include <cmath>

#include <gtest/gtest.h>

namespace imo::model {
namespace {

Bytes written(const RandomShape& shape, std::size_t threads, std::uint64_t seed = 1) {
  const auto folder = TemporaryDirectory::create().value();
  ThreadPool pool(threads);
  RandomModelOptions options;
  options.seed = seed;
  EXPECT_TRUE(write_random_model(shape, folder.path() / "a.gguf", pool, options));
  return read_file(folder.path() / "a.gguf", 1U << 26).value();
}

TEST(RandomModel, HasAboutTheSizeAskedFor) {
  for (const std::uint64_t asked :
       {500'000ULL, 1'000'000ULL, 15'000'000ULL, 42'000'000ULL, 110'000'000ULL, 134'000'000ULL,
        700'000'000ULL, 1'100'000'000ULL, 3'000'000'000ULL, 7'000'000'000ULL}) {
    const auto shape = choose_random_shape(asked);
    ASSERT_TRUE(shape) << shape.error().message;
    const double ratio = double(shape->parameters()) / double(asked);
    EXPECT_NEAR(ratio, 1, 0.13) << asked << " became " << shape->parameters();
    EXPECT_EQ(shape->width % shape->heads, 0);
    EXPECT_EQ(shape->heads % shape->kv_heads, 0);
  }
}

TEST(RandomModel, RefusesWhatNoModelHas) {
  EXPECT_FALSE(choose_random_shape(0));
  EXPECT_FALSE(choose_random_shape(~0ULL));
  EXPECT_FALSE(choose_random_shape(1'000'000, 10));
  EXPECT_FALSE(choose_random_shape(1'000'000, 0, 1));
  EXPECT_FALSE(choose_random_shape(1'000'000, 200'000)) << "the embedding alone is larger";
}

TEST(RandomModel, CanBeReadAndIsAsLargeAsItSays) {
  const auto folder = TemporaryDirectory::create().value();
  const RandomShape shape = choose_random_shape(1'000'000, 777, 64).value();
  ThreadPool pool(2);
  std::uint64_t seen = 0;
  RandomModelOptions options;
  options.on_progress = [&](std::uint64_t done) { seen = done; };
  ASSERT_TRUE(write_random_model(shape, folder.path() / "a.gguf", pool, options));
  const auto source = ModelSource::open(folder.path() / "a.gguf");
  ASSERT_TRUE(source) << source.error().message;
  EXPECT_EQ(source->parameter_count(), shape.parameters());
  EXPECT_EQ(seen, shape.parameters());
  EXPECT_EQ(source->config().vocabulary_size, 777);
  EXPECT_EQ(source->config().context_length, 64);
  const auto tokenizer = Tokenizer::create(source->vocabulary().value());
  ASSERT_TRUE(tokenizer) << tokenizer.error().message;
  EXPECT_EQ(tokenizer->decode(tokenizer->encode("a b c").value()).value(), "a b c");
}

// An activation that grew by half a bit a layer would saturate a model of many.
TEST(RandomModel, WeightsKeepActivationsTheirSize) {
  const auto folder = TemporaryDirectory::create().value();
  const RandomShape shape = choose_random_shape(1'000'000).value();
  ThreadPool pool(1);
  ASSERT_TRUE(write_random_model(shape, folder.path() / "a.gguf", pool));
  const auto source = ModelSource::open(folder.path() / "a.gguf").value();
  const auto values = read_tensor(*source.tensors().layers.back().down).value();
  double squares = 0;
  double sum = 0;
  for (const float value : values) {
    squares += double{value} * value;
    sum += value;
  }
  const auto count = static_cast<double>(values.size());
  EXPECT_NEAR(squares / count * shape.hidden, 1, 0.05);
  EXPECT_NEAR(sum / std::sqrt(count * squares), 0, 4) << "within four standard errors of 0";
}

TEST(RandomModel, IsTheSameForAnyThreadsAndAnotherForAnotherSeed) {
  const RandomShape shape = choose_random_shape(500'000).value();
  const Bytes one = written(shape, 1);
  EXPECT_EQ(written(shape, 3), one);
  EXPECT_NE(written(shape, 1, 2), one);
}

}  // namespace
}  // namespace imo::model
