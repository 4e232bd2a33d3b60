#pragma once

#include <array>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "apps/cli/model_choice.h"
#include "apps/cli/results.h"
#include "forgedit/pipelines/model/picture_grid.h"
#include "forgedit/pipelines/records/saved_edit.h"

namespace CLI {
class App;
class Option;
}  // namespace CLI

namespace forgedit::cli {

/// What to learn, and how: shared by `edit` and `learn`.
struct LearnArguments {
  std::string image;
  std::string source;     ///< empty: the captioner writes it; imagic: the target that learning starts from
  std::string captioner;  ///< its folder; empty: where find_captioner looks
  std::array<std::uint8_t, 3> background{255, 255, 255};
  std::optional<std::pair<int, int>> size;  ///< stretch to this; nothing: keep the picture's shape
  bool story_size = false;                  ///< the published story's size, 768x768 for SD 1.x, unless `size`
  std::string save;                         ///< folder of the saved edit; empty: not saved
  bool overwrite = false;                   ///< `save` may replace what was learned otherwise
  LearnOptions options;
};

// Each returns its options, so that a caller can forbid them.

/// What the picture shows, its size, where to save; not the picture itself.
std::vector<CLI::Option*> add_picture_options(CLI::App& command, LearnArguments& arguments);
/// The method and its numbers, all but the seed. Numbers that are given win over the method's published ones.
std::vector<CLI::Option*> add_method_options(CLI::App& command, LearnArguments& arguments);

/// The methods with their published numbers, for --help.
std::string methods_help();

/// Imagic's embedding starts from the target prompt; throws a usage Error where a source was given, or no
/// target.
void use_target_as_source(LearnArguments& arguments, const std::string& target);

/// What can be found wrong before any file is read.
void check_learn_arguments(const LearnArguments& arguments);

/// What the picture's file and the model's config.json say before weights are read: settles the preset's
/// size, throws a usage Error for sizes that the model cannot draw, and where --save would replace something
/// else than the same again.
void prepare_learning(LearnArguments& arguments, const Image& picture, const ModelChoice& choice);

/// What learning `picture` needs memory for.
MemoryTask learning_need(const LearnArguments& arguments, const Image& picture, const StableDiffusion& model);

/// All that is known of `picture` (the file's contents) before it is learned: everything but the result.
LearnedPicture picture_to_learn(const LearnArguments& arguments, const Image& picture,
                                const ModelChoice& choice, const StableDiffusion& model);

/// Keeps other processes away from where a saved edit goes, whose parent folders are made.
class SaveLock {
 public:
  explicit SaveLock(const std::filesystem::path& save);

 private:
  OutputFolder parent_;
  FolderLock lock_;
};

/// Whether `arguments.save` holds what learning `picture` would give. Throws a usage Error when it holds
/// anything else and may not be overwritten.
bool is_saved_already(const LearnArguments& arguments, const LearnedPicture& picture);

/// Fills in the result of `learned` from a saved edit of the same learning.
void take_saved(LearnedPicture& learned, const std::filesystem::path& saved, const StableDiffusion& model,
                Console& console);

/// Fills in the result, and saves it where that was asked for.
void learn_and_save(LearnedPicture& learned, const LearnArguments& arguments, const ModelChoice& choice,
                    StableDiffusion& model, Console& console);

/// A usage Error for an option's value that is only blanks.
void require_text(const std::string& what, const std::string& text);

/// Throws where a folder cannot be made: a file, or no right to write.
void check_folder_can_be_made(const std::filesystem::path& folder);

}  // namespace forgedit::cli
