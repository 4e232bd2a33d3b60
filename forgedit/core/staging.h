#pragma once

#include <filesystem>
#include <string>
#include <vector>

namespace forgedit {

/// A folder in which a result of several files is made, on the same file system as its destination. The
/// result then appears there in one step or not at all, also if the process is killed: the next
/// clear_leftovers in that place undoes what a killed process had begun.
class Staging {
 public:
  /// Creates the folder inside `parent`, which is created if it is missing, and clears leftovers there.
  explicit Staging(std::filesystem::path parent);
  /// Removes the folder with all that is still in it.
  ~Staging();
  Staging(const Staging&) = delete;
  Staging& operator=(const Staging&) = delete;

  const std::filesystem::path& folder() const { return folder_; }

  /// Moves files and folders with these names into the parent; the last one makes the result complete. Throws
  /// a usage Error if one of them already exists there, except for an empty folder.
  void publish(const std::vector<std::string>& names);
  /// Replaces the parent's folder `name` by the new one. The old folder is deleted only after that.
  void replace(const std::string& name);

 private:
  void flush(const std::string& name) const;
  void write_plan(const std::string& plan);

  std::filesystem::path parent_, folder_;
  int plan_ = -1;  // the file that says what moves where; locked as long as this process lives
};

}  // namespace forgedit
