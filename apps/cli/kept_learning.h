#pragma once

#include <filesystem>
#include <future>
#include <string>

#include "forgedit/pipelines/saved_edit.h"

namespace forgedit::cli {

/// What `edit` learned without --save: kept in its folder of results, as a saved edit, until the run is
/// complete. A run that was stopped then goes on without learning again.
class KeptLearning {
 public:
  explicit KeptLearning(const std::filesystem::path& results) : place_(results / "unfinished.edit") {}

  const std::filesystem::path& place() const { return place_; }
  /// Whether an earlier run left what learning `wanted` would give.
  bool has(const LearnedPicture& wanted) const;
  /// Begins to write in the background; the tensors must stay as they are. Returns why that is not done where
  /// the disk lacks room, else an empty text.
  std::string begin_writing(const LearnedPicture& learned);
  bool is_writing() const;
  /// Waits for the writing. Returns why it failed; empty when it did not.
  std::string end_writing();
  /// Whether all of it is there.
  bool is_there() const { return is_saved_edit(place_); }
  void remove();

 private:
  std::filesystem::path place_;
  std::future<void> writing_;
};

}  // namespace forgedit::cli
