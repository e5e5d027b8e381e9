#include "imo/api/openai_request.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace imo::api {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;

ApiError completion_error(std::string_view body) {
  const auto request = parse_completion(body);
  EXPECT_FALSE(request) << body;
  return request ? ApiError{} : request.error();
}

TEST(OpenAiRequest, ReadsACompletion) {
  const auto request = parse_completion(
      R"({"model":"m","prompt":"Once","max_tokens":9,"temperature":0,"seed":4,"stream":true,
          "stream_options":{"include_usage":true},"user":"u","metadata":{"x":[1]},"top_p":1,
          "n":1,"stop":null,"logprobs":null,"echo":false})");
  ASSERT_TRUE(request) << request.error().message;
  EXPECT_EQ(request->model, "m");
  EXPECT_EQ(std::get<std::string>(request->prompt), "Once");
  EXPECT_EQ(request->max_tokens, 9U);
  EXPECT_TRUE(request->stream);
  EXPECT_TRUE(request->include_usage);
}

TEST(OpenAiRequest, TakesTokenIdsAndASingleTextInAList) {
  const auto ids = parse_completion(R"({"prompt":[1,2,4294967295]})");
  ASSERT_TRUE(ids);
  EXPECT_THAT(std::get<std::vector<std::uint32_t>>(ids->prompt), ElementsAre(1, 2, 4294967295U));
  const auto text = parse_completion(R"({"prompt":["one"]})");
  ASSERT_TRUE(text);
  EXPECT_EQ(std::get<std::string>(text->prompt), "one");
}

TEST(OpenAiRequest, ReadsAChat) {
  const auto request = parse_chat(
      R"({"messages":[{"role":"developer","content":"Be brief."},
          {"role":"user","content":[{"type":"text","text":"a"},{"type":"text","text":"b"}]}],
          "max_completion_tokens":5,"tools":[],"response_format":{"type":"text"}})");
  ASSERT_TRUE(request) << request.error().message;
  const auto& messages = std::get<std::vector<model::ChatMessage>>(request->prompt);
  ASSERT_EQ(messages.size(), 2U);
  EXPECT_EQ(messages[0].role, "system");
  EXPECT_EQ(messages[1].content, "ab");
  EXPECT_EQ(request->max_tokens, 5U);
}

TEST(OpenAiRequest, RefusesWhatItWouldNotObey) {
  const std::pair<const char*, const char*> cases[] = {
      {"temperature", "0.7"},
      {"temperature", "\"0\""},
      {"n", "2"},
      {"best_of", "3"},
      {"presence_penalty", "0.5"},
      {"frequency_penalty", "-1"},
      {"repetition_penalty", "1.1"},
      {"repeat_penalty", "0"},
      {"logit_bias", "{\"5\":1}"},
      {"stop", "\"x\""},
      {"stop", "[\"x\"]"},
      {"logprobs", "1"},
      {"logprobs", "true"},
      {"echo", "true"},
      {"suffix", "\"s\""},
      {"tools", "[{}]"},
      {"functions", "[{}]"},
      {"response_format", "{\"type\":\"json_object\"}"},
  };
  for (const auto& [field, value] : cases) {
    const auto error =
        completion_error(std::string(R"({"prompt":"x",")") + field + "\":" + value + "}");
    EXPECT_EQ(error.status, 400) << field;
    EXPECT_EQ(error.param, field);
    EXPECT_EQ(error.code, "unsupported_parameter") << field;
  }
}

TEST(OpenAiRequest, NamesTheFieldAtFault) {
  EXPECT_EQ(completion_error("{}").param, "prompt");
  EXPECT_EQ(completion_error(R"({"prompt":5})").param, "prompt");
  EXPECT_EQ(completion_error(R"({"prompt":[-1]})").param, "prompt");
  EXPECT_EQ(completion_error(R"({"prompt":[1.5]})").param, "prompt");
  EXPECT_EQ(completion_error(R"({"prompt":[4294967296]})").param, "prompt");
  EXPECT_EQ(completion_error(R"({"prompt":["a","b"]})").param, "prompt");
  EXPECT_EQ(completion_error(R"({"prompt":"x","max_tokens":0})").param, "max_tokens");
  EXPECT_EQ(completion_error(R"({"prompt":"x","max_tokens":-1})").param, "max_tokens");
  EXPECT_EQ(completion_error(R"({"prompt":"x","max_tokens":1e3})").param, "max_tokens");
  EXPECT_EQ(completion_error(R"({"prompt":"x","max_tokens":4294967297})").param, "max_tokens");
  EXPECT_EQ(completion_error(R"({"prompt":"x","max_tokens":1,"max_completion_tokens":2})").param,
            "max_tokens");
  EXPECT_EQ(completion_error(R"({"prompt":"x","stream":"yes"})").param, "stream");
  EXPECT_EQ(completion_error(R"({"prompt":"x","stream_options":[]})").param, "stream_options");
  EXPECT_EQ(completion_error(R"({"prompt":"x","model":7})").param, "model");
  EXPECT_EQ(completion_error(R"({"prompt":"x","seed":1.5})").param, "seed");
  EXPECT_EQ(completion_error(R"({"prompt":"x","top_p":0})").param, "top_p");
  for (const char* messages : {"[]", "5", "[5]", "[{}]", R"([{"role":"user"}])",
                               R"([{"role":"user","content":[{"type":"image_url"}]}])"}) {
    const auto chat = parse_chat(std::string(R"({"messages":)") + messages + "}");
    ASSERT_FALSE(chat) << messages;
    EXPECT_EQ(chat.error().param, "messages") << messages;
  }
}

TEST(OpenAiRequest, SurvivesHostileBodies) {
  EXPECT_THAT(completion_error("").message, HasSubstr("not JSON"));
  EXPECT_THAT(completion_error("{\"prompt\":\"\xff\"}").message, HasSubstr("not JSON"));
  EXPECT_THAT(completion_error("[]").message, HasSubstr("not a JSON object"));
  EXPECT_THAT(completion_error("{\"a\":" + std::string(100'000, '[')).message,
              HasSubstr("nested deeper"));
  EXPECT_THAT(completion_error("{\"a\":1}{").message, HasSubstr("not JSON"));
}

TEST(ApiError, IsValidJsonWhateverItQuotes) {
  const ApiError error{404, "t", "bad \"\xff\n", "p", ""};
  EXPECT_EQ(error.to_json(),
            "{\"error\":{\"message\":\"bad \\\"\xEF\xBF\xBD\\n\",\"type\":\"t\",\"param\":\"p\","
            "\"code\":null}}");
}

}  // namespace
}  // namespace imo::api
