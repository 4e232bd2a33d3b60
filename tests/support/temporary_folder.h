#pragma once

#include <gtest/gtest.h>
#include <unistd.h>

#include <filesystem>
#include <string>

#include "forgedit/core/error.h"
#include "forgedit/core/files.h"

namespace forgedit::testing {

/// A test with a folder of its own that goes away with it.
class TemporaryFolder : public ::testing::Test {
 protected:
  TemporaryFolder() {
    const auto* test = ::testing::UnitTest::GetInstance()->current_test_info();
    folder_ = std::filesystem::path(::testing::TempDir()) /
              ("forgedit_" + std::to_string(::getpid()) + "_" + test->name());
    std::filesystem::create_directories(folder_);
  }
  ~TemporaryFolder() override { remove_tree(folder_); }
  std::filesystem::path folder_;
};

/// The message of the forgedit::Error that `action` throws; fails the test when there is none.
template <typename Action>
std::string message_of(Action action) {
  try {
    action();
  } catch (const Error& error) {
    return error.what();
  }
  ADD_FAILURE() << "no Error came";
  return {};
}

/// The field of the forgedit::Error that `action` throws; fails the test when there is none.
template <typename Action>
std::string field_of(Action action) {
  try {
    action();
  } catch (const Error& error) {
    return error.field();
  }
  ADD_FAILURE() << "no Error came";
  return {};
}

inline bool contains(const std::string& text, const std::string& part) {
  return text.find(part) != std::string::npos;
}

}  // namespace forgedit::testing
