#include "imo/base/paths.hpp"

#include <cstdlib>

#include <gtest/gtest.h>

namespace imo {
namespace {

/// Sets variables of the environment (or unsets them, for null) for one test.
class Environment {
 public:
  ~Environment() {
    for (const auto& [name, value] : before_) put(name, value ? value->c_str() : nullptr);
  }
  void set(const char* name, const char* value) {
    const char* const old = std::getenv(name);
    before_.emplace_back(name, old == nullptr ? std::nullopt : std::optional<std::string>(old));
    put(name, value);
  }

 private:
  static void put(const char* name, const char* value) {
    value == nullptr ? ::unsetenv(name) : ::setenv(name, value, 1);
  }
  std::vector<std::pair<const char*, std::optional<std::string>>> before_;
};

class Paths : public testing::Test {
 protected:
  void SetUp() override {
    for (const auto* name : {"IMO_HOME", "XDG_CONFIG_HOME", "XDG_DATA_HOME", "XDG_CACHE_HOME"}) {
      environment_.set(name, nullptr);
    }
    environment_.set("HOME", "/people/ada");
  }
  Environment environment_;
};

TEST_F(Paths, FollowTheXdgDefaults) {
  const auto found = directories().value();
  EXPECT_EQ(found.config, "/people/ada/.config/imo");
  EXPECT_EQ(found.data, "/people/ada/.local/share/imo");
  EXPECT_EQ(found.cache, "/people/ada/.cache/imo");
}

TEST_F(Paths, FollowTheXdgVariablesUnlessRelative) {
  environment_.set("XDG_CONFIG_HOME", "/etc/ada");
  environment_.set("XDG_DATA_HOME", "relative");
  environment_.set("XDG_CACHE_HOME", "");
  const auto found = directories().value();
  EXPECT_EQ(found.config, "/etc/ada/imo");
  EXPECT_EQ(found.data, "/people/ada/.local/share/imo");
  EXPECT_EQ(found.cache, "/people/ada/.cache/imo");
}

TEST_F(Paths, ImoHomeHoldsEverything) {
  environment_.set("IMO_HOME", "/srv/imo");
  environment_.set("HOME", nullptr);
  const auto found = directories().value();
  EXPECT_EQ(found.config, "/srv/imo/config");
  EXPECT_EQ(found.data, "/srv/imo/data");
  EXPECT_EQ(found.cache, "/srv/imo/cache");
}

TEST_F(Paths, WithoutAnyHomeIsAnError) {
  environment_.set("HOME", nullptr);
  EXPECT_EQ(directories().error().kind, ErrorKind::kNotFound);
}

TEST_F(Paths, KnowsItsOwnProgram) {
  EXPECT_EQ(executable_path().value().filename(), "imo_base_test");
}

}  // namespace
}  // namespace imo
