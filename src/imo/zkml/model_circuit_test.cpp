#include "imo/zkml/model_party_test_support.hpp"

namespace imo::zkml {
namespace {

using test::answer_of;
using test::compiled;
using test::Party;
using test::tiny;
using test::TinyShape;

TEST(ModelCircuit, OfTinyModelsIsProven) {
  std::vector<TinyShape> shapes = test::provable_shapes();
  for (std::uint32_t i = 0; i < shapes.size(); ++i) {
    shapes[i].seed = i + 1;
    Party party(tiny(shapes[i]));
    const Answer answer = answer_of(party.model, {1, 70, 80, 90, 100}, 1 + 3 * i);
    const auto proven = party.prove(answer);
    ASSERT_TRUE(proven) << i << ": " << proven.error().message;
    const auto checked = Party::check(*proven);
    EXPECT_TRUE(checked) << i << ": " << checked.error().message;
  }
}

TEST(ModelCircuit, OfTheDemoModelIsProven) {
  Party party(compiled(std::filesystem::path(IMO_SOURCE_DIR) / "models/demo/imo-demo.gguf"));
  const Answer answer = answer_of(party.model, {1, 300, 301, 302}, 8);
  const auto proven = party.prove(answer);
  ASSERT_TRUE(proven) << proven.error().message;
  const auto checked = Party::check(*proven);
  EXPECT_TRUE(checked) << checked.error().message;
}

}  // namespace
}  // namespace imo::zkml
